# Emulated devices: that they behave as their platforms do, spoken to by OpenSSH's client.
add_test(NAME "lab: devices" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/devices.py $<TARGET_FILE:banpush-lab>)
set_tests_properties("lab: devices" PROPERTIES LABELS system TIMEOUT 120 SKIP_RETURN_CODE 77)
