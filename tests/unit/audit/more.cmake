target_link_libraries(unit_audit PRIVATE PkgConfig::AUDIT)
target_link_libraries(unit_audit PRIVATE PkgConfig::AUDIT PkgConfig::AUPARSE)
target_compile_definitions(unit_audit PRIVATE LINEAGE_GOLDEN="${CMAKE_SOURCE_DIR}/tests/golden")
