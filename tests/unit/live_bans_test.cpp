// A whole reading and the same rows one by one come to the same, also where a table holds one row twice.
#include "core/plan/live_selection.hpp"

#include "made_bans.hpp"

#include <catch2/catch.hpp>

using namespace banpush;
using namespace banpush::test;

TEST_CASE("rows of one address, jail, host, service and time are one ban, read at once or one after the other") {
  const std::vector<Row> rows{{"203.0.113.7"},
                              {"203.0.113.7"},
                              {"203.0.113.7", 60, "sshd", "web2"},
                              {"203.0.113.7", 60, "web"},
                              {"203.0.113.9"},
                              {"203.0.113.7", 60, "sshd", "web1", "udp", "53"}};
  LiveBans whole(bans_of(rows)), timed(bans_of(rows), std::vector<std::uint32_t>(rows.size(), key_of_time("2024-05-01 10:00:00")));
  LiveBans by_row(Bans{}, std::vector<std::uint32_t>{});
  for (const Row &row : rows)
    by_row.put(raw_of(row), 0);
  for (const LiveBans *table : {&whole, &timed, &by_row}) {
    CHECK(table->all().size() == 5);
    LiveCandidates live(*table, {}, {});
    REQUIRE(live.whole().wanted.size() == 2);
    CHECK(live.whole().wanted[0].bans == 3); // of web1, of web2 and of the jail web; the one of UDP is ignored, and hides none
    CHECK(live.whole().wanted[1].bans == 1);
  }
  // One of two alike goes: the table says so, and shows the other.
  CHECK(whole.take(raw_of(rows[4]), 0));
  CHECK(whole.put(raw_of(rows[4]), 0));
  CHECK(whole.all().size() == 5);
}
