#include "files/own_files.hpp"

#include <filesystem>

namespace banpush {

namespace {

namespace fs = std::filesystem;

// The running program, links followed. While it runs its file may have been replaced: then its name ends in " (deleted)".
fs::path program() {
  std::error_code none;
  return fs::read_symlink("/proc/self/exe", none);
}

// An installed program never looks into the folder in which it was built: that may be another user's. One of a package
// does not even know it.
#ifndef BANPUSH_SOURCE_DIR
#define BANPUSH_SOURCE_DIR ""
#define BANPUSH_BUILD_BINDIR ""
#endif

bool is_in_build_tree(const fs::path &program) {
  std::error_code none;
  return fs::equivalent(program.parent_path(), BANPUSH_BUILD_BINDIR, none);
}

fs::path installed_data(const fs::path &program) {
  const bool in_libexec = program.filename().string().rfind("banpush-devices", 0) == 0;
  return (program.parent_path() / (in_libexec ? BANPUSH_DATA_FROM_LIBEXEC : BANPUSH_DATA_FROM_BIN)).lexically_normal();
}

} // namespace

std::string data_folder() {
  const fs::path here = program();
  return is_in_build_tree(here) ? BANPUSH_SOURCE_DIR : installed_data(here).string();
}

std::string device_folder() {
  const fs::path here = program();
  return is_in_build_tree(here) ? BANPUSH_SOURCE_DIR "/tests/drivers" : (installed_data(here) / "devices").string();
}

std::string devices_program() {
  const fs::path here = program();
  const fs::path folder = is_in_build_tree(here) ? here.parent_path() : here.parent_path() / BANPUSH_LIBEXEC_FROM_BIN;
  return (folder / "banpush-devices").lexically_normal().string();
}

} // namespace banpush
