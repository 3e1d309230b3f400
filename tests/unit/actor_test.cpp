// Who is written down for what is done, and who may say that it was another.
#include "app/state/actor.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

// Debian's base-passwd: root is 0, daemon 1, bin 2.
TEST_CASE("actor: the environment proves something for root only, and only where it fits what the system knows") {
  CHECK(name_of({0, std::nullopt, "", ""}) == "root");
  CHECK(name_of({1, std::nullopt, "", ""}) == "daemon");
  CHECK(name_of({1, std::nullopt, "bin", "2"}) == "daemon");
  CHECK(name_of({64511, std::nullopt, "root", "0"}) == "64511");
  CHECK(name_of({0, std::nullopt, "bin", "2"}) == "bin");
  CHECK(name_of({0, std::nullopt, "bin", "1"}) == "root");
  CHECK(name_of({0, std::nullopt, "bin", ""}) == "root");
  CHECK(name_of({0, std::nullopt, "mallory-whom-nobody-has", "2"}) == "root");
}

TEST_CASE("actor: who logged in stays who it is, whatever sudo is said to have worked for") {
  CHECK(name_of({0, 2, "bin", "2"}) == "bin");
  CHECK(name_of({0, 1, "bin", "2"}) == "daemon");
  CHECK(name_of({0, 0, "bin", "2"}) == "root");
  CHECK(name_of({0, 1, "", ""}) == "root"); // a daemon that somebody started by hand: what it does is not that person's doing
  CHECK(name_of({1, 2, "root", "0"}) == "daemon");
}
