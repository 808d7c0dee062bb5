target_compile_definitions(unit_settings PRIVATE LINEAGE_SOURCE="${CMAKE_SOURCE_DIR}")
