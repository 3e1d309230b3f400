# Properties of the pure core, with random cases (Debian: librapidcheck-dev).
find_package(rapidcheck REQUIRED)
file(GLOB property_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
add_executable(property_tests ${property_sources})
target_link_libraries(property_tests PRIVATE banpush_core catch_main rapidcheck)
target_include_directories(property_tests PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../unit)
# Once with the same cases always, and once with others each time; a failure says its seed and how to have it again.
banpush_shards("property: the same seed" property_tests 1 ENVIRONMENT "RC_PARAMS=max_success=300 seed=20241122")
banpush_shards("property: another seed" property_tests 1 ENVIRONMENT RC_PARAMS=max_success=300)
