# Drivers against the real software they are for, in namespaces; without root or the programs they say so and are skipped.
foreach(name openvswitch openwrt)
  add_test(NAME "drivers: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/system/test_${name}.py)
  set_tests_properties("drivers: ${name}" PROPERTIES LABELS system TIMEOUT 600
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR}")
endforeach()
