#include "transport/netconf/netconf_library.hpp"

#include "core/error.hpp"
#include "transport/judgement.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <libnetconf2/log.h>
#include <libnetconf2/messages_client.h>
#include <libnetconf2/session_client.h>
#include <libyang/libyang.h>
#include <mutex>
#include <pugixml.hpp>
#include <sstream>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace banpush {

namespace {

// Debian's package of NETCONF's own YANG modules (RFC 6241); libnetconf2 brings only some.
constexpr const char *module_folder = "/usr/share/yuma/modules/ietf";
constexpr const char *module_package = "libyuma-base";

constexpr std::string_view base_namespace = "urn:ietf:params:xml:ns:netconf:base:1.0";
constexpr std::string_view end_of_message = "]]>]]>";

// Requests and answers go over a file and a pipe of this process: nothing to wait for.
constexpr int patience = 1000; // milliseconds

// What libnetconf2 and libyang complained about last, in this thread.
thread_local std::string complaint;

void note_netconf(const struct nc_session *, NC_VERB_LEVEL, const char *words) { complaint = words; }
void note_yang(LY_LOG_LEVEL, const char *words, const char *) { complaint = words; }

void listen_to_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    nc_client_init();
    nc_verbosity(NC_VERB_ERROR);
    nc_set_print_clb_session(note_netconf);
    ly_log_level(LY_LLERR);
    ly_set_log_clb(note_yang, 0);
  });
}

// The hello that libnetconf2 gets instead of the device's: the version agreed on, and every feature of the
// base module, so that any operation can be composed. What the device really has is the driver's business.
std::string device_hello(NetconfLibrary::Framing framing) {
  return fmt::format("<hello xmlns=\"{0}\"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>{1}"
                     "<capability>{0}?module=ietf-netconf&amp;features=writable-running,candidate,confirmed-commit,rollback-on-error,"
                     "validate,startup,url,xpath</capability></capabilities><session-id>1</session-id></hello>{2}",
                     base_namespace,
                     framing == NetconfLibrary::Framing::Chunks ? "<capability>urn:ietf:params:netconf:base:1.1</capability>" : "",
                     end_of_message);
}

std::string_view local_name(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node child(pugi::xml_node node, std::string_view name) {
  for (const pugi::xml_node one : node.children())
    if (local_name(one.name()) == name)
      return one;
  return {};
}

std::string text_of(pugi::xml_node node, std::string_view name) { return child(node, name).text().get(); }

NC_DATASTORE datastore(pugi::xml_node node) {
  const std::string_view name = local_name(node.first_child().name());
  return name == "running"     ? NC_DATASTORE_RUNNING
         : name == "candidate" ? NC_DATASTORE_CANDIDATE
         : name == "startup"   ? NC_DATASTORE_STARTUP
                               : NC_DATASTORE_ERROR;
}

// What stands in an element, byte by byte as the template has it.
std::string inside(const std::string &body, pugi::xml_node node) {
  const std::string name = node.name();
  const auto from = static_cast<std::size_t>(node.offset_debug());
  const std::size_t begin = body.find('>', from), end = body.rfind("</" + name);
  if (begin == std::string::npos || end == std::string::npos || end < begin)
    return {};
  const std::string text = body.substr(begin + 1, end - begin - 1);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? std::string() : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// The operation with NETCONF's namespace where it names none.
std::string with_namespace(const std::string &body, pugi::xml_node root) {
  if (root.attribute("xmlns") || std::string_view(root.name()).find(':') != std::string_view::npos)
    return body;
  const std::size_t name_end = static_cast<std::size_t>(root.offset_debug()) + std::strlen(root.name());
  return fmt::format("{} xmlns=\"{}\"{}", body.substr(0, name_end), base_namespace, body.substr(name_end));
}

// An operation of a vendor's: libyang wants to know of it, so it is told that there is one of that name,
// with any XML in it. No vendor's module is needed for that.
void know_operation(const ly_ctx *context, pugi::xml_node root) {
  const std::string uri = root.attribute("xmlns").value();
  if (uri.empty() || uri == base_namespace || ly_ctx_get_module_latest_ns(context, uri.c_str()) != nullptr)
    return;
  std::string parameters;
  for (const pugi::xml_node one : root.children())
    if (one.type() == pugi::node_element && parameters.find(fmt::format(" {};", one.name())) == std::string::npos)
      parameters += fmt::format(" anyxml {};", one.name());
  const std::string module = fmt::format("module operation-{0} {{ yang-version 1.1; namespace \"{1}\"; prefix o; rpc {0} {{{2}}} }}",
                                         root.name(), uri, parameters.empty() ? "" : fmt::format("input {{{}}}", parameters));
  lys_parse_mem(const_cast<ly_ctx *>(context), module.c_str(), LYS_IN_YANG, nullptr);
}

nc_rpc *edit_config(const std::string &body, pugi::xml_node root) {
  const std::string operation = text_of(root, "default-operation"), test = text_of(root, "test-option"),
                    error = text_of(root, "error-option");
  const NC_RPC_EDIT_DFLTOP default_operation = operation == "merge"     ? NC_RPC_EDIT_DFLTOP_MERGE
                                               : operation == "replace" ? NC_RPC_EDIT_DFLTOP_REPLACE
                                               : operation == "none"    ? NC_RPC_EDIT_DFLTOP_NONE
                                                                        : NC_RPC_EDIT_DFLTOP_UNKNOWN;
  const NC_RPC_EDIT_TESTOPT test_option = test == "test-then-set" ? NC_RPC_EDIT_TESTOPT_TESTSET
                                          : test == "set"         ? NC_RPC_EDIT_TESTOPT_SET
                                          : test == "test-only"   ? NC_RPC_EDIT_TESTOPT_TEST
                                                                  : NC_RPC_EDIT_TESTOPT_UNKNOWN;
  const NC_RPC_EDIT_ERROPT error_option = error == "stop-on-error"       ? NC_RPC_EDIT_ERROPT_STOP
                                          : error == "continue-on-error" ? NC_RPC_EDIT_ERROPT_CONTINUE
                                          : error == "rollback-on-error" ? NC_RPC_EDIT_ERROPT_ROLLBACK
                                                                         : NC_RPC_EDIT_ERROPT_UNKNOWN;
  return nc_rpc_edit(datastore(child(root, "target")), default_operation, test_option, error_option,
                     inside(body, child(root, "config")).c_str(), NC_PARAMTYPE_DUP_AND_FREE);
}

} // namespace

struct NetconfLibrary::Rpc {
  explicit Rpc(nc_rpc *made) : rpc(made) {}
  Rpc(const Rpc &) = delete;
  Rpc &operator=(const Rpc &) = delete;
  ~Rpc() { nc_rpc_free(rpc); }
  nc_rpc *rpc;
};

void NetconfLibrary::End::operator()(nc_session *session) const noexcept { nc_session_free(session, nullptr); }

NetconfLibrary::NetconfLibrary(std::string who, Framing framing)
    : who_(std::move(who)), framing_(framing), written_(::memfd_create("netconf", MFD_CLOEXEC)), answers_(make_pipe()) {
  if (!written_)
    throw Error(ErrorKind::Connect, fmt::format("{}: no file in memory can be made: {}", who_, std::strerror(errno)));
  std::error_code failure;
  if (!std::filesystem::is_directory(module_folder, failure))
    throw Error(ErrorKind::Config, fmt::format("{}: NETCONF's own YANG modules are not here ({}); Debian has them in the package {}", who_,
                                               module_folder, module_package));
  listen_to_library();
  complaint.clear();
  nc_client_set_schema_searchpath(module_folder); // an option of this thread
  const std::string hello = device_hello(framing);
  if (::write(answers_.write.get(), hello.data(), hello.size()) != static_cast<ssize_t>(hello.size()))
    fail("cannot hand over a hello");
  session_.reset(nc_connect_inout(answers_.read.get(), written_.get(), nullptr));
  if (!session_)
    fail("libnetconf2 begins no session");
  take_written(); // its hello: ours went out before the device's came
}

NetconfLibrary::~NetconfLibrary() { answers_.write.reset(); } // libnetconf2 would wait for an answer to its goodbye

void NetconfLibrary::fail(const std::string &what) const {
  throw Error(ErrorKind::Config, fmt::format("{}: {}{}{}", who_, what, complaint.empty() ? "" : ": ", in_one_line(complaint)));
}

std::string NetconfLibrary::take_written() {
  std::string bytes(static_cast<std::size_t>(::lseek(written_.get(), 0, SEEK_END)), '\0');
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t n = ::pread(written_.get(), bytes.data() + got, bytes.size() - got, static_cast<off_t>(got));
    if (n <= 0)
      fail("what libnetconf2 wrote cannot be read");
    got += static_cast<std::size_t>(n);
  }
  if (::ftruncate(written_.get(), 0) != 0 || ::lseek(written_.get(), 0, SEEK_SET) != 0)
    fail("the file in memory cannot be emptied");
  return bytes;
}

void NetconfLibrary::give(const std::string &message) {
  const std::string framed =
      framing_ == Framing::Chunks ? fmt::format("\n#{}\n{}\n##\n", message.size(), message) : fmt::format("{}{}", message, end_of_message);
  if (::write(answers_.write.get(), framed.data(), framed.size()) != static_cast<ssize_t>(framed.size()))
    fail("cannot hand over an answer");
}

NetconfLibrary::Request NetconfLibrary::request(const std::string &body) {
  complaint.clear();
  pugi::xml_document document;
  const auto parsed = document.load_buffer(body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8);
  const pugi::xml_node root = document.document_element();
  if (!parsed || !root)
    throw Error(ErrorKind::Config,
                fmt::format("{}: the request is no XML ({} at byte {}): {}", who_, parsed.description(), parsed.offset, in_one_line(body)));
  const std::string_view name = local_name(root.name());
  const pugi::xml_node config = child(root, "config"), filter = child(root, "filter");
  const bool own = !root.attribute("xmlns") || root.attribute("xmlns").value() == base_namespace;
  // Content of edits and filters goes through as it stands; libyang would take it apart and put it together again.
  if (own && name == "edit-config" && config && !config.first_attribute())
    rpc_ = std::make_unique<Rpc>(edit_config(body, root));
  else if (own && name == "get-config" && filter && std::string_view(filter.attribute("type").value()) == "subtree")
    rpc_ = std::make_unique<Rpc>(
        nc_rpc_getconfig(datastore(child(root, "source")), inside(body, filter).c_str(), NC_WD_UNKNOWN, NC_PARAMTYPE_DUP_AND_FREE));
  else if (own && name == "get" && filter && std::string_view(filter.attribute("type").value()) == "subtree")
    rpc_ = std::make_unique<Rpc>(nc_rpc_get(inside(body, filter).c_str(), NC_WD_UNKNOWN, NC_PARAMTYPE_DUP_AND_FREE));
  else {
    know_operation(nc_session_get_ctx(session_.get()), root);
    rpc_ = std::make_unique<Rpc>(nc_rpc_act_generic_xml(with_namespace(body, root).c_str(), NC_PARAMTYPE_DUP_AND_FREE));
  }
  if (rpc_->rpc == nullptr)
    fail(fmt::format("the request <{}> cannot be made", root.name()));
  Request request;
  if (nc_send_rpc(session_.get(), rpc_->rpc, patience, &request.message_id) != NC_MSG_RPC)
    fail(fmt::format("the request <{}> cannot be made", root.name()));
  request.bytes = take_written();
  return request;
}

void NetconfLibrary::answered(const Request &request) {
  // The answer itself was read already, by eyes less strict: this keeps libnetconf2's account of who is waited for.
  give(fmt::format("<rpc-reply xmlns=\"{}\" message-id=\"{}\"><ok/></rpc-reply>", base_namespace, request.message_id));
  lyd_node *envelope = nullptr, *operation = nullptr;
  const NC_MSG_TYPE type = nc_recv_reply(session_.get(), rpc_->rpc, request.message_id, patience, &envelope, &operation);
  lyd_free_all(envelope);
  lyd_free_all(operation);
  rpc_.reset();
  if (type != NC_MSG_REPLY)
    fail("libnetconf2 has lost count of its requests");
}

} // namespace banpush
