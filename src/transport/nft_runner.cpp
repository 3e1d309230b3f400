#include "transport/nft_runner.hpp"

#include "core/error.hpp"

#include <fmt/format.h>

namespace banpush {

namespace {

// A call of the program nft that is answered in this process.
struct NftCall {
  bool reads_input = false; // -f -
  NftPrint print;
  std::string words; // joined by blanks, as the program does
};

// Nothing for another program, and for options that are not known here.
std::optional<NftCall> nft_call(const std::vector<std::string> &argv) {
  if (argv.empty() || argv.front() != "nft")
    return std::nullopt;
  if (argv.size() == 3 && argv[1] == "-f" && argv[2] == "-")
    return NftCall{true, {}, {}};
  NftCall call;
  std::size_t at = 1;
  for (; at < argv.size() && argv[at].rfind('-', 0) == 0; ++at) {
    if (argv[at] == "-j")
      call.print.json = true;
    else if (argv[at] == "-a")
      call.print.handles = true;
    else if (argv[at] == "-t")
      call.print.terse = true;
    else
      return std::nullopt;
  }
  for (; at < argv.size(); ++at)
    call.words += (call.words.empty() ? "" : " ") + argv[at];
  return call.words.empty() ? std::nullopt : std::optional(call);
}

} // namespace

Facts NftRunner::open() {
  try {
    library_.emplace();
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}: {}", name_, error.what()));
  }
  return {};
}

Finished NftRunner::run(const Program &program) {
  const auto call = nft_call(program.argv);
  if (!call)
    return programs_.run(program);
  static_cast<void>(command_line(program.argv)); // refuses what no program can be given
  if (!library_)
    throw Error(ErrorKind::Connect, fmt::format("{}: the session is closed", name_));
  return call->reads_input ? library_->input(program.input) : library_->command(call->words, call->print);
}

} // namespace banpush
