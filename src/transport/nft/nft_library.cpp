#include "transport/nft/nft_library.hpp"

#include "core/error.hpp"
#include "transport/descriptor.hpp"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <mutex>
#include <nftables/libnftables.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace banpush {

namespace {

constexpr const char *library_file = "libnftables.so.1";

// The functions in use, by their own types in the header.
struct Functions {
  decltype(&nft_ctx_new) make = nullptr;
  decltype(&nft_ctx_free) free = nullptr;
  decltype(&nft_ctx_buffer_output) buffer_output = nullptr;
  decltype(&nft_ctx_buffer_error) buffer_error = nullptr;
  decltype(&nft_ctx_get_output_buffer) output = nullptr;
  decltype(&nft_ctx_get_error_buffer) errors = nullptr;
  decltype(&nft_ctx_output_set_flags) set_flags = nullptr;
  decltype(&nft_run_cmd_from_buffer) run_buffer = nullptr;
  decltype(&nft_run_cmd_from_filename) run_file = nullptr;
};

template <typename Function>
void find(void *library, const char *name, Function &function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr)
    throw Error(ErrorKind::Connect, fmt::format("{} has no function {}", library_file, name));
}

Functions load() {
  // Never unloaded: what it registers with the C library would be called after it has gone.
  void *library = ::dlopen(library_file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char *why = ::dlerror();
    throw Error(ErrorKind::Connect,
                fmt::format("cannot load {}: {}; Debian's package libnftables1 has it, or `transport: exec` uses the program nft",
                            library_file, why != nullptr ? why : "no reason given"));
  }
  Functions functions;
  find(library, "nft_ctx_new", functions.make);
  find(library, "nft_ctx_free", functions.free);
  find(library, "nft_ctx_buffer_output", functions.buffer_output);
  find(library, "nft_ctx_buffer_error", functions.buffer_error);
  find(library, "nft_ctx_get_output_buffer", functions.output);
  find(library, "nft_ctx_get_error_buffer", functions.errors);
  find(library, "nft_ctx_output_set_flags", functions.set_flags);
  find(library, "nft_run_cmd_from_buffer", functions.run_buffer);
  find(library, "nft_run_cmd_from_filename", functions.run_file);
  return functions;
}

// Tried anew by the next session where it failed.
const Functions &functions() {
  static const Functions loaded = load();
  return loaded;
}

std::mutex &one_at_a_time() {
  static std::mutex lock;
  return lock;
}

// Without such a socket the library ends the whole process instead of saying so.
void check_socket() {
  const Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!socket)
    throw Error(ErrorKind::Connect, fmt::format("no netlink socket for nftables: {}", std::strerror(errno)));
}

unsigned flags_of(NftPrint print) noexcept {
  unsigned flags = 0;
  if (print.json)
    flags |= NFT_CTX_OUTPUT_JSON;
  if (print.handles)
    flags |= NFT_CTX_OUTPUT_HANDLE;
  if (print.terse)
    flags |= NFT_CTX_OUTPUT_TERSE;
  return flags;
}

std::string text_of(const char *buffer) { return buffer != nullptr ? buffer : ""; }

// The program says of its standard input what the library says of the file it is given.
std::string with_name_of_input(std::string text, const std::string &file) {
  for (std::size_t at = 0; (at = text.find(file + ":", at)) != std::string::npos;)
    text.replace(at, file.size(), "/dev/stdin");
  return text;
}

} // namespace

void NftLibrary::Free::operator()(nft_ctx *session) const noexcept {
  const std::lock_guard lock(one_at_a_time());
  functions().free(session);
}

NftLibrary::NftLibrary() {
  check_socket();
  const std::lock_guard lock(one_at_a_time());
  const Functions &library = functions();
  session_.reset(library.make(NFT_CTX_DEFAULT));
  if (!session_ || library.buffer_output(session_.get()) != 0 || library.buffer_error(session_.get()) != 0)
    throw Error(ErrorKind::Connect, "libnftables gives no session");
}

NftLibrary::~NftLibrary() = default;

Finished NftLibrary::command(const std::string &words, NftPrint print) {
  const std::lock_guard lock(one_at_a_time());
  const Functions &library = functions();
  library.set_flags(session_.get(), flags_of(print));
  const int status = library.run_buffer(session_.get(), words.c_str());
  return {status == 0 ? 0 : 1, {}, text_of(library.output(session_.get())), text_of(library.errors(session_.get()))};
}

Finished NftLibrary::input(std::string_view text) {
  // Of a file it says which line an error is about; of a buffer it shows the first line for every other.
  const Descriptor file(::memfd_create("nft", MFD_CLOEXEC));
  for (std::string_view rest = text; file && !rest.empty();) {
    const ssize_t written = ::write(file.get(), rest.data(), rest.size());
    if (written < 0 && errno != EINTR)
      throw Error(ErrorKind::Device, fmt::format("no memory for {} bytes to nftables: {}", text.size(), std::strerror(errno)));
    rest.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  if (!file)
    throw Error(ErrorKind::Connect, fmt::format("no file in memory for nftables: {}", std::strerror(errno)));
  const std::string name = fmt::format("/proc/self/fd/{}", file.get());
  const std::lock_guard lock(one_at_a_time());
  const Functions &library = functions();
  library.set_flags(session_.get(), 0);
  const int status = library.run_file(session_.get(), name.c_str());
  return {
      status == 0 ? 0 : 1, {}, text_of(library.output(session_.get())), with_name_of_input(text_of(library.errors(session_.get())), name)};
}

} // namespace banpush
