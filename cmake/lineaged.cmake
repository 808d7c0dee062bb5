target_link_libraries(lineage_daemon PRIVATE PkgConfig::SECCOMP)
# The recorder's program: a thin main over the daemon layer.
add_executable(lineaged cli/lineaged.cpp)
target_compile_definitions(lineaged PRIVATE LINEAGE_VERSION="${PROJECT_VERSION}")
target_link_libraries(lineaged PRIVATE lineage_daemon CLI11::CLI11)
