# The ban table's two kinds against one suite; MariaDB is a private server that the tests start.
file(GLOB bans_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/bans/*.cpp)
add_executable(bans_tests ${bans_sources})
target_link_libraries(bans_tests PRIVATE banpush_bans catch_main)
target_compile_definitions(bans_tests PRIVATE BANPUSH_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
banpush_shards(bans bans_tests 1)
set_tests_properties(bans PROPERTIES LABELS "bans;system")
