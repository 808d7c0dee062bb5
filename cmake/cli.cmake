# The reader's program. lineaged's main lives beside it in cli/ and is built by lineaged.cmake.
file(GLOB sources CONFIGURE_DEPENDS cli/*.cpp cli/commands/*.cpp)
list(FILTER sources EXCLUDE REGEX "/lineage(d|_early)[^/]*\\.cpp$")
add_executable(lineage ${sources})
target_compile_definitions(lineage PRIVATE LINEAGE_VERSION="${PROJECT_VERSION}")
target_link_libraries(lineage PRIVATE lineage_query lineage_render lineage_trace lineage_ingest lineage_doctor CLI11::CLI11 ZLIB::ZLIB)
