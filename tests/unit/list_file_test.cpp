// Lists that others fetch, as files.
#include "transport/file/list_file.hpp"

#include "core/error.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace banpush;
namespace fs = std::filesystem;

namespace {

struct TemporaryFolder {
  TemporaryFolder() {
    std::string name = fs::temp_directory_path() / "banpush-list-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { fs::remove_all(path); }
  std::string path;
};

std::string text_of(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

using Lines = std::vector<std::string>;

} // namespace

TEST_CASE("list file: the words of a call") {
  const auto call = list_call({"feed", "edit", "file=/a/b.txt", "parts=3", "most=10", "head=yes"});
  REQUIRE(call);
  CHECK(call->verb == ListCall::Verb::Edit);
  CHECK(call->list.parts == 3);
  CHECK(call->list.most == 10);
  CHECK(call->list.head == ListFile::Head::Count);
  CHECK(call->list.part(1) == "/a/b.txt");
  CHECK(call->list.part(3) == "/a/b.3.txt");
  CHECK(list_call({"feed", "read", "file=/a.b/list", "head="})->list.part(2) == "/a.b/list.2");
  CHECK_FALSE(list_call({"cat", "/a"}));
  for (const Lines &words : {Lines{"feed", "read"}, Lines{"feed", "show", "file=/a"}, Lines{"feed", "read", "file=a"},
                             Lines{"feed", "read", "file=/a", "parts=0"}, Lines{"feed", "read", "file=/a", "parts=65"},
                             Lines{"feed", "read", "file=/a", "most=x"}, Lines{"feed", "read", "file=/a", "mist=1"}})
    CHECK_THROWS_AS(list_call(words), Error);
}

TEST_CASE("list file: a part says what it holds, and whether that is so") {
  const std::string text = text_of_part({"a", "b"}, ListFile::Head::Count);
  CHECK(lines_of_part(text) == Lines{"a", "b"});
  CHECK(count_of_part(text, ListFile::Head::Count) == 2u);
  CHECK(count_of_part(text_of_part({}, ListFile::Head::Count), ListFile::Head::Count) == 0u);
  for (std::size_t length = 0; length < text.size(); ++length) {
    INFO(length);
    CHECK_FALSE(count_of_part(text.substr(0, length), ListFile::Head::Count));
  }
  CHECK_FALSE(count_of_part(text + "c\n", ListFile::Head::Count));
  CHECK(count_of_part("a\nb\n", ListFile::Head::None) == 2u);
  CHECK(count_of_part("", ListFile::Head::None) == 0u);
  CHECK_FALSE(count_of_part("a\nb", ListFile::Head::None));
}

TEST_CASE("list file: a change writes the parts that change, and no line moves") {
  const TemporaryFolder folder;
  const ListFile list{folder.path + "/below/list.txt", 2, 2, ListFile::Head::None};
  CHECK(read_parts(list).error().code == ENOENT);
  REQUIRE(make_parts(list));
  CHECK(read_parts(list).value() == std::vector<Lines>{{}, {}});
  REQUIRE(edit_parts(list, {{"a", "b", "c", "a"}, {}}));
  CHECK(read_parts(list).value() == std::vector<Lines>{{"a", "b"}, {"c"}});
  const auto before = fs::last_write_time(list.part(2));
  REQUIRE(edit_parts(list, {{"d"}, {"a", "x"}}));
  CHECK(read_parts(list).value() == std::vector<Lines>{{"b", "d"}, {"c"}});
  CHECK(fs::last_write_time(list.part(2)) == before);
  REQUIRE(make_parts(list)); // what stands stays
  CHECK(text_of(list.part(1)) == "b\nd\n");
  const auto full = edit_parts(list, {{"e", "f", "g"}, {}});
  REQUIRE_FALSE(full);
  CHECK(full.error().code == ENOSPC);
  CHECK(full.error().text.find("2 entries have no room: 2 parts of 2 are full") == 0);
  CHECK(text_of(list.part(2)) == "c\n");
  REQUIRE(remove_parts(list));
  CHECK(read_parts(list).error().code == ENOENT);
  REQUIRE(remove_parts(list));
}
