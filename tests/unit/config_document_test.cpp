#include "config/document/document.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

// Everything that is said of a text: what stops the reading, or else the flaws in it.
std::string said_of(const std::string &text) {
  Problems problems;
  try {
    report_flaws(parse_document("f", text), problems);
    problems.raise();
  } catch (const Error &error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
  return "nothing";
}

struct Case {
  std::string text, said;
};

} // namespace

TEST_CASE("YAML that is not used here is refused where it stands") {
  const std::vector<Case> cases{
      {"a: 1\na: 2\n", "f:2:1: duplicate key \"a\", first in line 1"},
      {"a: {b: 1, c: 2, b: 3}\n", "f:1:17: duplicate key \"b\", first in line 1"},
      {"a: 1\n\"a\": 2\n", "f:2:1: duplicate key \"a\", first in line 1"},
      {"a: &x 1\n", "f:1:4: anchors (&name) are not used here; write it out"},
      {"a: &x {b: 1}\n", "f:1:4: anchors (&name) are not used here; write it out"},
      {"a: &x 1\nb: *x\n",
       "f:1:4: anchors (&name) are not used here; write it out\nf:2:4: aliases (*name) are not used here; write it out"},
      {"a: *x\n", "f:1:4: the referenced anchor is not defined"},
      {"a: {b: 1}\nc:\n  <<: {d: 1}\n", "f:3:3: merge keys (<<) are not used here; write it out"},
      {"a: !!int 1\n", "f:1:4: tags (!name) are not used here"},
      {"a: !x [1]\n", "f:1:4: tags (!name) are not used here"},
      {"a: ! 1\n", "f:1:4: tags (!name) are not used here"},
      {"%YAML 1.2\n---\na: 1\n", "f:1:1: directives (%) are not used here"},
      {"a: 1\n---\nb: 1\n", "f:2:1: a second document begins; one file holds one"},
      {"a: 1\n...\nb: 1\n", "f:3:1: a second document begins; one file holds one"},
      {"[a]: 1\n", "f:1:1: a key must be text, found a list"},
      {"? {a: 1}\n: 1\n", "f:1:3: a key must be text, found a mapping"},
      {"~: 1\n", "f:1:1: a key must be text, found nothing"},
      {"a:\n\tb: 1\n", "f:2:1: indented by a tab; use spaces"},
      {"a:\n  \tb: 1\n", "f:2:3: indented by a tab; use spaces"},
      {"", "f: the file is empty"},
      {"\n\n", "f: the file is empty"},
      {"# nothing but this\n", "f: the file is empty"},
  };
  for (const Case &one : cases) {
    INFO(one.text);
    CHECK(said_of(one.text) == one.said);
  }
}

TEST_CASE("text that is no YAML is refused with its place") {
  for (const std::string text : {"a: [1, 2\n", "a: {b: 1\n", "a: \"b\n", "a: 'b\n", "a: b: c\n", "a: \"\\q\"\n", "- a\nb: 1\n", "a: @b\n",
                                 "a: 1\n b: 2\n", "a: \"b\" c\n", "a: {b: 1,, c: 2}\n", "a: ]\n", "}\n", "a: 'b' 'c'\n"}) {
    INFO(text);
    const std::string said = said_of(text);
    CHECK(said.substr(0, 2) == "f:");
    CHECK(said != "nothing");
    CHECK(said.find(": ") != std::string::npos);
  }
  CHECK(said_of("a: b: c\n") == "f:1:5: illegal map value");
  CHECK(said_of("a: \"b\n") == "f:1:4: this quote is not closed");
  CHECK(said_of("a: 'b''\nc: 1\n") == "f:1:4: this quote is not closed");
  CHECK(said_of("a: [\"b\\\"]\n").find("f:1:5: this quote is not closed") == 0);
  CHECK(said_of("a: ['', 'b''c', \"\\\"\", \"\\\\\", 'd\n  e']\n") == "nothing");
}

TEST_CASE("bytes that do not belong in a text file are refused with their place") {
  const std::vector<Case> cases{
      {"a: b\x01\n", "f:1:5: a control character (U+0001) does not belong in this file"},
      {std::string("a: 1\nb: \0c\n", 11), "f:2:4: a control character (U+0000) does not belong in this file"},
      {"a: b\x1b[31m\n", "f:1:5: a control character (U+001B) does not belong in this file"},
      {"a: 1\rb: 2\n", "f:1:5: a control character (U+000D) does not belong in this file"},
      {"a: b\x7f\n", "f:1:5: a control character (U+007F) does not belong in this file"},
      {"a: b\xC2\x85\n", "f:1:5: a control character (U+0085) does not belong in this file"},
      {"a: \xE2\x80\xAE"
       "b\n",
       "f:1:4: an invisible character (U+202E) does not belong in this file"},
      {"a: \xE2\x80\x8B"
       "b\n",
       "f:1:4: an invisible character (U+200B) does not belong in this file"},
      {"a: \xFF\n", "f:1:4: the byte 0xFF, which is no UTF-8, does not belong in this file"},
      {"a: \xC0\xAF\n", "f:1:4: the byte 0xC0, which is no UTF-8, does not belong in this file"},
      {"a: \xED\xA0\x80\n", "f:1:4: the byte 0xED, which is no UTF-8, does not belong in this file"},
      {"a: \xC3", "f:1:4: the byte 0xC3, which is no UTF-8, does not belong in this file"},
      {"\xC3\xA4: \xC3\xA4\n\xC3\xA4: 1\n", "f:2:1: duplicate key \"\xC3\xA4\", first in line 1"},
  };
  for (const Case &one : cases) {
    INFO(one.text);
    CHECK(said_of(one.text) == one.said);
  }
}

TEST_CASE("line ends of other systems and a byte order mark are taken as they are meant") {
  const Node node = parse_document("f", "\xEF\xBB\xBF"
                                        "a: 1\r\nb: 2\r\n");
  REQUIRE(node.at("b") != nullptr);
  CHECK(node.at("b")->text == "2");
  CHECK(node.at("b")->place.text() == "f:2:4");
}

TEST_CASE("columns count characters, not bytes") {
  const Node node = parse_document("f", "{\"\xC3\xA4\xE2\x82\xAC\": 1, b: 2}\n");
  REQUIRE(node.at("b") != nullptr);
  CHECK(node.at("b")->place.text() == "f:1:14");
}

TEST_CASE("what is too deep or has too many values is refused, not followed") {
  CHECK(said_of(std::string(200, '[') + std::string(200, ']')) == "f:1:33: more than 32 levels deep");
  std::string deep;
  for (int i = 0; i < 40; ++i)
    deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  CHECK(said_of(deep).find("more than 32 levels deep") != std::string::npos);
  std::string many = "a: [";
  for (int i = 0; i < 210'000; ++i)
    many += "1,";
  CHECK(said_of(many + "1]").find("more than 200000 values in one file") != std::string::npos);
}

TEST_CASE("a file that cannot be read says why") {
  const auto said = [](const std::string &path) {
    try {
      read_document(path);
    } catch (const Error &error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  CHECK(said("/nonexistent/banpush.yaml") == "/nonexistent/banpush.yaml: cannot be read: /nonexistent: No such file or directory");
  CHECK(said("/tmp") == "/tmp: cannot be read: it is a directory");
  CHECK(said("/dev/zero") == "/dev/zero: cannot be read: it is no regular file");
}

TEST_CASE("problems come by file and place, each once") {
  Problems problems;
  const auto a = std::make_shared<const std::string>("a"), b = std::make_shared<const std::string>("b");
  problems.add({a, 10, 1}, "late");
  problems.add({b, 1, 1}, "elsewhere");
  problems.add({a, 9, 2}, "early");
  problems.add({a, 9, 2}, "early");
  problems.add(Error(ErrorKind::Config, "b:1:0: first\na:9:3: between"));
  CHECK(problems.lines() == std::vector<std::string>{"a:9:2: early", "a:9:3: between", "a:10:1: late", "b:1:0: first", "b:1:1: elsewhere"});
}
