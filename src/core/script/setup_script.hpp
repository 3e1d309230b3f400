// What setup and its removal send, by what stands on the device.
#pragma once

#include "core/script/script.hpp"

namespace banpush {

// `rendering.facts` with the states of the lists of `before` in them. Where all stands and is in force, setup says only what moves
// banpush's rules in front of others', or adds what they lack, if the driver's setup does; else it is empty.
Script setup_script(const Rendering &rendering, Stage stage, const Installed &before);

} // namespace banpush
