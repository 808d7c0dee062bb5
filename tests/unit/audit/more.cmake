target_link_libraries(unit_audit PRIVATE PkgConfig::AUDIT)
