#include "transport/nft/nft_runner.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush {

namespace {

// So many entries are asked for one by one; beyond, reading all of them is no dearer.
constexpr std::size_t most_single_questions = 2'000;

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

std::size_t entries_in(const std::vector<NftStatement> &statements) {
  std::size_t count = 0;
  for (const NftStatement &statement : statements)
    count += statement.prefixes.size();
  return count;
}

} // namespace

Facts NftRunner::open() {
  try {
    open_.emplace();
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}: {}", name_, error.what()));
  }
  return {};
}

void NftRunner::close() noexcept { open_.reset(); }

Finished NftRunner::run(const Program &program) {
  const auto call = nft_call(program.argv);
  if (!call)
    return programs_.run(program);
  static_cast<void>(command_line(program.argv)); // refuses what no program can be given
  try {
    if (!open_)
      throw Error(ErrorKind::Connect, "the session is closed");
    return call->reads_input ? input(program.input) : command(call->words, call->print);
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}: {}", name_, error.what()));
  }
}

Finished NftRunner::input(std::string_view text) {
  open_->written.clear();
  auto statements = element_statements(text);
  if (!statements)
    return open_->library.input(text);
  const bool is_large = entries_in(*statements) > most_single_questions;
  if (is_large)
    open_->watch.reset(); // the kernel would announce each of them, and all is read afterwards anyway
  NftKernel::Written written = open_->kernel.write(*statements);
  if (written == NftKernel::Written::TooLong)
    written = open_->kernel.write_in_parts(*statements);
  switch (written) {
  case NftKernel::Written::Yes:
    if (!is_large)
      open_->written = std::move(*statements);
    return {};
  case NftKernel::Written::Unknown: return {1, {}, {}, "nftables: the kernel's answer to the change was lost\n"};
  default: return open_->library.input(text); // it says why, or knows how
  }
}

Finished NftRunner::command(const std::string &words, NftPrint print) {
  const auto table = listed_table(words);
  if (!table)
    return open_->library.command(words, print);
  if (open_->watch)
    open_->watch->look_at(*table);
  if (print.terse && !print.json) {
    // Of one table the library reads all elements even where it is to show none; of a ruleset it does not.
    Finished all = open_->library.command("list ruleset " + table->family, print);
    if (auto text = table_in(all.output, *table); text && all.exit == 0)
      return {0, {}, std::move(*text), std::move(all.errors)};
  } else if (print.json && !print.terse) {
    if (auto text = table_as_json(*table, print))
      return {0, {}, std::move(*text), {}};
  }
  return open_->library.command(words, print);
}

std::optional<std::string> NftRunner::table_as_json(const NftTableName &table, NftPrint print) {
  print.terse = true;
  const Finished frame = open_->library.command("list ruleset " + table.family, print);
  if (frame.exit != 0)
    return std::nullopt;
  return with_elements(frame.output, table, [&](const std::string &name) -> std::optional<std::string> {
    const auto set = open_->kernel.set({table.family, table.table, name});
    auto elements = set ? open_->kernel.elements(*set) : std::nullopt;
    if (!elements)
      return std::nullopt;
    return json_of(std::move(*elements), set->family, set->kind);
  });
}

void NftRunner::watch() {
  if (!open_)
    return;
  open_->watch.reset();
  open_->written.clear();
  try {
    open_->watch.emplace(open_->kernel.generation(), open_->kernel.port());
  } catch (const Error &) {
    open_->watch.reset(); // not permitted: then all is read each time
  }
}

bool NftRunner::disturbed() { return open_ && open_->watch && open_->watch->disturbed(open_->kernel.generation()); }

std::optional<std::vector<Shown>> NftRunner::shown() {
  if (!open_ || !open_->watch || open_->written.empty())
    return std::nullopt;
  std::vector<Shown> all;
  std::optional<NftSet> set;
  for (const NftStatement &statement : open_->written) {
    if (!set || !(set->name == statement.set))
      set = open_->kernel.set(statement.set);
    if (!set)
      return std::nullopt;
    const auto there = open_->kernel.has(*set, statement.prefixes);
    if (!there)
      return std::nullopt;
    for (std::size_t i = 0; i < statement.prefixes.size(); ++i)
      all.push_back({statement.set.set, statement.prefixes[i], (*there)[i]});
  }
  if (disturbed())
    return std::nullopt;
  return all;
}

} // namespace banpush
