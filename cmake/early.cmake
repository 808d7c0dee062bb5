# lineage-early runs before anything is mounted: one static file, small, of the audit layer's own sources. The
# sanitizers cannot be linked statically; under them it is an ordinary program, so that its tests still run.
add_executable(lineage-early cli/lineage_early.cpp src/audit/control.cpp src/audit/rules.cpp src/audit/rule_view.cpp src/base/result.cpp)
target_include_directories(lineage-early PRIVATE include)
find_library(AUDIT_STATIC libaudit.a REQUIRED)
find_library(CAP_NG_STATIC libcap-ng.a REQUIRED)
if(LINEAGE_SANITIZE OR LINEAGE_FUZZ)
  target_link_libraries(lineage-early PRIVATE PkgConfig::AUDIT)
else()
  target_compile_options(lineage-early PRIVATE -Os -g0 -ffunction-sections -fdata-sections)
  target_link_libraries(lineage-early PRIVATE ${AUDIT_STATIC} ${CAP_NG_STATIC})
  target_link_options(lineage-early PRIVATE -static -s -Wl,--gc-sections)
endif()
