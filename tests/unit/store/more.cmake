# Some of these tests look at the database beside the store: they damage it, lock it, ask for its plans.
target_link_libraries(unit_store PRIVATE PkgConfig::SQLITE)
