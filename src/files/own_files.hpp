// Where the files stand that come with the programs. They are found from where the running program itself stands, so that an
// installed tree may have any prefix, and may be moved.
#pragma once

#include <string>

namespace banpush {

// The folder with drivers/ and templates/: the source tree's for a program in its build tree, else share/banpush beside it.
std::string data_folder();

// The folder with NAME/device.yaml for banpush-lab, likewise.
std::string device_folder();

// Where banpush-devices, which people do not call themselves, stands for the `banpush` that runs.
std::string devices_program();

} // namespace banpush
