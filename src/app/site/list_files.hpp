// Lists of a device that are files for others to fetch: banpush alone writes them, and what was read back of them is known by
// its bytes.
#pragma once

#include "app/site/session.hpp"
#include "app/site/site.hpp"
#include "transport/file/list_file.hpp"

#include <string>
#include <vector>

namespace banpush {

// The files of a device's lists, in the driver's order; none where its lists are no files.
struct ListOfFile {
  std::string list;
  ListFile file;
};
std::vector<ListOfFile> list_files(const Device &device, const Driver &driver);

// Throws Error (Config) where one file would be the list of two.
void require_files_of_their_own(const Config &config);

// Before setup or its removal. Throws Error (Guard) where a file has something in it that banpush did not write.
void require_own_files(Site &site, const Device &device);

// Before a push plans: what was read (`installed`) stands in the files as banpush writes it, and nothing else does. Written: a file
// had to be written for that, the notes say how many lines of others that took, and the device is to be read anew. Throws Error
// (Device) where a file cannot be written or is not banpush's own.
enum class Tidied { Nothing, Written };
Tidied tidy_files(Site &site, Session &session, const Installed &installed, std::vector<std::string> &notes);

// After a push: what was read last stands in the files, byte for byte as banpush writes it, and is remembered as what may be handed
// out. Where it does not, what is remembered stays. NotLess: fewer entries than are remembered are not what a push made.
enum class Growth { Any, NotLess };
void remember_files(Site &site, Session &session, const Installed &installed, Growth growth);

} // namespace banpush
