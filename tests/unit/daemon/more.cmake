target_compile_definitions(unit_daemon PRIVATE LINEAGE_SOURCE="${CMAKE_SOURCE_DIR}")
