# What each part adds besides its layer: libraries it links, programs, tests.
foreach(part audit store ingest trace render cli lineaged early packaging tests)
  include(${CMAKE_CURRENT_LIST_DIR}/${part}.cmake OPTIONAL)
endforeach()
