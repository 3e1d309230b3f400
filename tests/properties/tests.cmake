# Properties of the pure core, with random cases (Debian: librapidcheck-dev).
find_package(rapidcheck REQUIRED)
file(GLOB property_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
add_executable(property_tests ${property_sources})
target_link_libraries(property_tests PRIVATE banpush_core catch_main rapidcheck)
target_include_directories(property_tests PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../unit)
catch_discover_tests(property_tests TEST_PREFIX "property: " PROPERTIES LABELS unit TIMEOUT 60 ENVIRONMENT RC_PARAMS=max_success=300)
