// Which process did something, so that a later one can tell whether it still runs.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

namespace banpush {

// When a process began, in clock ticks since the kernel's start (proc_pid_stat(5)); nothing where there is none, or none that
// may be looked at.
std::optional<unsigned long long> process_began(pid_t process);

// Process, when it began, and which start of the kernel: no other process ever has all three.
std::string mark_of_this_process();

// Whether the process of such a mark runs on this host. False for anything that is no mark.
bool lives(const std::string &mark);

} // namespace banpush
