get_target_property(kind lineage_audit TYPE)
if(NOT kind STREQUAL "INTERFACE_LIBRARY")
  target_link_libraries(lineage_audit PRIVATE PkgConfig::AUDIT PkgConfig::AUPARSE)
endif()
