#include "app/http/message.hpp"

#include "app/http/date.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <httplib.h>

namespace banpush {

namespace {

// What the library reads a request from; what it would answer by itself goes nowhere.
class Head : public httplib::Stream {
public:
  explicit Head(std::string_view text) : rest_(text) {}
  bool is_readable() const override { return !rest_.empty(); }
  bool is_writable() const override { return true; }
  ssize_t read(char *to, std::size_t size) override {
    const std::size_t count = std::min(size, rest_.size());
    std::memcpy(to, rest_.data(), count);
    rest_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char * /*bytes*/, std::size_t size) override { return static_cast<ssize_t>(size); }
  void get_remote_ip_and_port(std::string & /*ip*/, int & /*port*/) const override {}
  void get_local_ip_and_port(std::string & /*ip*/, int & /*port*/) const override {}
  socket_t socket() const override { return -1; }

private:
  std::string_view rest_;
};

// Of a host and port (RFC 9110, 7.2) the host, small, an IPv6 address without its brackets.
std::string host_in(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (!text.empty() && text.front() == '[')
    return text.substr(1, text.find(']') == std::string::npos ? 0 : text.find(']') - 1);
  text = text.substr(0, text.rfind(':'));
  if (!text.empty() && text.back() == '.')
    text.pop_back();
  return text;
}

class Parser : public httplib::Server {
public:
  Parser() {
    set_pre_routing_handler([this](const httplib::Request &request, httplib::Response &) {
      take(request);
      return HandlerResponse::Handled;
    });
  }

  std::optional<HttpRequest> parse(std::string_view head) {
    Head stream(head);
    bool closed = false;
    process_request(stream, true, closed, nullptr);
    return std::move(request_);
  }

private:
  void take(const httplib::Request &request) {
    if (request.get_header_value_count("Host") > 1)
      return; // whom it is for cannot be told
    HttpRequest &made = request_.emplace();
    made.method = request.method;
    made.path = request.path;
    for (const auto &[name, value] : request.params)
      made.query.emplace(name, value);
    made.host = host_in(request.get_header_value("Host"));
    made.authorization = request.get_header_value("Authorization");
    made.if_none_match = request.get_header_value("If-None-Match");
    made.if_modified_since = request.get_header_value("If-Modified-Since");
  }

  std::optional<HttpRequest> request_;
};

// Headers that the library would act upon: it matches a Range with std::regex, which recurses for each character, compresses
// where it may, and asks for bodies.
constexpr std::string_view left_out[] = {"range", "accept-encoding", "expect", "content-length", "transfer-encoding"};

bool is_left_out(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(':'));
  return std::any_of(std::begin(left_out), std::end(left_out), [&](std::string_view one) {
    return name.size() == one.size() && std::equal(name.begin(), name.end(), one.begin(), [](char a, char b) {
             return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
           });
  });
}

std::string without_left_out(std::string_view head) {
  std::string kept;
  while (!head.empty()) {
    const std::size_t end = head.find('\n');
    const std::string_view line = head.substr(0, end == std::string_view::npos ? head.size() : end + 1);
    if (!is_left_out(line))
      kept += line;
    head.remove_prefix(line.size());
  }
  return kept;
}

const char *words_of(int status) {
  switch (status) {
  case 200: return "OK";
  case 304: return "Not Modified";
  case 400: return "Bad Request";
  case 401: return "Unauthorized";
  case 403: return "Forbidden";
  case 404: return "Not Found";
  case 405: return "Method Not Allowed";
  case 421: return "Misdirected Request";
  case 431: return "Request Header Fields Too Large";
  case 503: return "Service Unavailable";
  default: return "Error";
  }
}

} // namespace

HttpAnswer::HttpAnswer(int with_status, std::string text)
    : status(with_status), body(std::make_shared<const std::string>(std::move(text))) {}

std::optional<HttpRequest> request_in(std::string_view head) { return Parser().parse(without_left_out(head)); }

std::string head_of(const HttpAnswer &answer, std::size_t length) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", answer.status, words_of(answer.status));
  for (const auto &[name, value] : answer.headers)
    head += fmt::format("{}: {}\r\n", name, value);
  if (answer.status != 304)
    head += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", answer.type, length);
  return head + fmt::format("Date: {}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n", http_date(std::time(nullptr)));
}

} // namespace banpush
