# Compressed logs (src/trace/event_records.cpp).
get_target_property(kind lineage_trace TYPE)
if(NOT kind STREQUAL "INTERFACE_LIBRARY")
  target_link_libraries(lineage_trace PRIVATE ZLIB::ZLIB)
endif()
