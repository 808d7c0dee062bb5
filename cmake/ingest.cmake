# Compressed logs (src/ingest/log_files.cpp).
get_target_property(kind lineage_ingest TYPE)
if(NOT kind STREQUAL "INTERFACE_LIBRARY")
  target_link_libraries(lineage_ingest PRIVATE ZLIB::ZLIB)
endif()
