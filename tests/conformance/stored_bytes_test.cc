// What versions leave in Redis for those that come after them, and beside them. testdata/ has
// stores as versions left them: each goes on, whatever the version; and what this one leaves is,
// byte for byte, what the newest of them has. Where that has to change, it is by new keys: then the
// store of this version is added, and the old ones stay.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/testing/redis_server.h"
#include "tests/conformance/store_under_test.h"
#include "tests/conformance/windows.h"

namespace quotaplane {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kHourUs = 3'600 * kSecondUs;
constexpr int64_t kStartUs = 1'774'738'000'000'000;
constexpr char kNewest[] = "store-0.1.0.txt";

std::string Folder() { return absl::StrCat(QP_SOURCE_DIR, "/tests/conformance/testdata/"); }

std::set<std::string> ReadLines(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::set<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.insert(line);
  return lines;
}

class StoredBytes : public testing::Test {
 protected:
  StoredBytes() : store_(server_.unix_url(), 1) { store_.SetNow(kStartUs); }

  CounterUse Month(int64_t hold, int64_t charge) const {
    return Use("month", month_, hold, charge);
  }
  CounterUse Minute(int64_t hold, int64_t charge) const {
    return Use("minute", minute_, hold, charge);
  }
  static CounterUse Use(const std::string& name, const WindowSpec& window, int64_t hold,
                        int64_t charge) {
    CounterUse use;
    use.counter = HashOf(name);
    use.window = &window;
    use.hold = hold;
    use.charge = charge;
    return use;
  }

  static ReserveCall ReserveOf(const std::string& id, std::vector<CounterUse> uses,
                               int64_t ttl_us = kHourUs) {
    return {{"acme", id}, 1, 7, ttl_us, 700, 10, std::move(uses)};
  }
  static ExtendCall ExtendOf(const std::string& id, std::vector<CounterUse> uses) {
    return {{"acme", id}, 2, 7, 1, 2 * kHourUs, 900, 12, std::move(uses)};
  }
  static CommitCall CommitOf(const std::string& id, std::vector<CounterUse> uses,
                             bool record = false) {
    CommitCall call{{"acme", id}, record, 3, 7, 500, 8, "ledger", kHourUs, std::move(uses)};
    call.describe = [](const Digest&, int64_t threshold) { return std::to_string(threshold); };
    return call;
  }
  // Half of a hundred is told.
  CommitCall ChargeThatCrosses(const std::string& id) const {
    std::vector<CounterUse> uses = {Month(0, 60)};
    uses[0].thresholds = {50};
    return CommitOf(id, uses, true);
  }

  template <typename Call>
  auto Must(absl::StatusOr<Call> result) {
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(Call());
  }

  // Something of everything that is stored.
  void Leave() {
    Must(store_.Commit(ChargeThatCrosses("crossed")));
    Must(store_.Commit(CommitOf("slot-1", {Minute(0, 20)}, true)));
    store_.SetNow(kStartUs + 5 * kSecondUs);
    Must(store_.Commit(CommitOf("slot-2", {Minute(0, 30)}, true)));
    for (const char* id : {"open", "extended", "committed", "released"}) {
      Must(store_.Reserve(ReserveOf(id, {Month(7, 0), Minute(3, 0)})));
    }
    Must(store_.Reserve(ReserveOf("expired", {Month(7, 0)}, kSecondUs)));
    Must(store_.Extend(ExtendOf("extended", {Month(9, 0), Minute(4, 0)})));
    Must(store_.Commit(CommitOf("committed", {Month(0, 5), Minute(0, 2)})));
    Must(store_.Release({"acme", "released"}));
    store_.SetNow(kStartUs + 8 * kSecondUs);
    EXPECT_EQ(Must(store_.Sweep(0)), 1);
  }

  // What Redis has, as commands that make it: words in hexadecimal digits. The ids of streams, and
  // when keys end, are of the day.
  std::set<std::string> Stored() const {
    std::set<std::string> lines;
    for (const fixtures::RespReply& key : server_.Command({"KEYS", "{p0}*"}).elements) {
      for (const auto& words : CommandsFor(key.text)) {
        lines.insert(absl::StrJoin(words, " ", [](std::string* out, const std::string& word) {
          absl::StrAppend(out, absl::BytesToHexString(word));
        }));
      }
    }
    return lines;
  }
  std::vector<std::vector<std::string>> CommandsFor(const std::string& key) const {
    const std::string type = server_.Command({"TYPE", key}).text;
    if (type == "string") return {{"SET", key, server_.Command({"GET", key}).text}};
    std::vector<std::vector<std::string>> commands;
    if (type == "zset") {
      const auto all = server_.Command({"ZRANGE", key, "0", "-1", "WITHSCORES"}).elements;
      for (size_t i = 0; i + 1 < all.size(); i += 2) {
        commands.push_back({"ZADD", key, all[i + 1].text, all[i].text});
      }
    } else if (type == "list") {
      commands.push_back({"RPUSH", key});
      for (const auto& each : server_.Command({"LRANGE", key, "0", "-1"}).elements) {
        commands.back().push_back(each.text);
      }
      std::sort(commands.back().begin() + 2, commands.back().end());
    } else if (type == "stream") {
      for (const auto& entry : server_.Command({"XRANGE", key, "-", "+"}).elements) {
        commands.push_back({"XADD", key, "*"});
        for (const auto& each : entry.elements[1].elements) commands.back().push_back(each.text);
      }
    } else {
      ADD_FAILURE() << key << " is a " << type;
    }
    return commands;
  }
  void Load(const std::set<std::string>& lines) const {
    for (const std::string& line : lines) {
      std::vector<std::string> words;
      for (const absl::string_view word : absl::StrSplit(line, ' ')) {
        words.push_back(absl::HexStringToBytes(word));
      }
      ASSERT_FALSE(server_.Command(words).is_error()) << line;
    }
  }

  // What a version to come makes of it.
  void GoOn() {
    store_.SetNow(kStartUs + 10 * kSecondUs);
    const auto read = Must(store_.Read("acme", {Month(0, 0), Minute(0, 0)}));
    ASSERT_EQ(read.counters.size(), 2u);
    EXPECT_EQ(read.counters[0].committed, 65);
    EXPECT_EQ(read.counters[0].held, 16);
    EXPECT_EQ(read.counters[1].committed, 52);
    EXPECT_EQ(read.counters[1].held, 7);

    const ReserveCall again = ReserveOf("open", {Month(7, 0), Minute(3, 0)});
    const ReserveResult held = Must(store_.Reserve(again));
    EXPECT_TRUE(held.replayed);
    EXPECT_EQ(held.cost_nano_usd, 700);
    EXPECT_EQ(held.expires_at_us, kStartUs + 5 * kSecondUs + kHourUs);
    ReserveCall other = again;
    other.request_fingerprint = 99;
    EXPECT_EQ(Must(store_.Reserve(other)).outcome, ReserveResult::Outcome::kMismatch);
    EXPECT_TRUE(Must(store_.Extend(ExtendOf("extended", {Month(9, 0), Minute(4, 0)}))).replayed);

    const CommitResult open = Must(store_.Commit(CommitOf("open", {Month(0, 5), Minute(0, 2)})));
    EXPECT_FALSE(open.replayed || open.late || open.unreserved);
    EXPECT_EQ(open.held_nano_usd, 700);
    const CommitResult extended =
        Must(store_.Commit(CommitOf("extended", {Month(0, 5), Minute(0, 2)})));
    EXPECT_EQ(extended.held_nano_usd, 900);
    const CommitResult committed =
        Must(store_.Commit(CommitOf("committed", {Month(0, 5), Minute(0, 2)})));
    EXPECT_TRUE(committed.replayed);
    EXPECT_EQ(committed.held_nano_usd, 700);
    EXPECT_EQ(committed.now_us, kStartUs + 5 * kSecondUs);
    const ReserveResult released = Must(store_.Reserve(ReserveOf("released", {Month(7, 0)})));
    EXPECT_EQ(released.state, ReservationState::kReleased);
    const CommitResult expired = Must(store_.Commit(CommitOf("expired", {Month(0, 5)})));
    EXPECT_TRUE(expired.late);
    EXPECT_TRUE(Must(store_.Commit(ChargeThatCrosses("crossed"))).replayed);
    // Its threshold was told.
    Must(store_.Commit(ChargeThatCrosses("crosses-no-more")));
    EXPECT_EQ(server_.Command({"XLEN", "{p0}a"}).integer, 1);

    const auto after = Must(store_.Read("acme", {Month(0, 0), Minute(0, 0)}));
    EXPECT_EQ(after.counters[0].committed, 140);
    EXPECT_EQ(after.counters[0].held, 0);
    EXPECT_EQ(after.counters[1].committed, 56);
    EXPECT_EQ(after.counters[1].held, 0);
    EXPECT_EQ(Must(store_.Sweep(0)), 0);
  }

  const WindowSpec minute_ = MakeWindow("60s");
  const WindowSpec month_ = MakeWindow("month", "Europe/Berlin");
  fixtures::RedisServer server_;
  StoreUnderTest store_;
};

TEST_F(StoredBytes, AreThoseOfTheNewestVersionThatIsKept) {
  Leave();
  const std::set<std::string> stored = Stored();
  EXPECT_EQ(stored, ReadLines(Folder() + kNewest)) << absl::StrJoin(stored, "\n");
}

TEST_F(StoredBytes, OfEveryVersionGoOn) {
  int versions = 0;
  for (const auto& file : std::filesystem::directory_iterator(Folder())) {
    SCOPED_TRACE(file.path());
    ASSERT_FALSE(server_.Command({"FLUSHALL"}).is_error());
    Load(ReadLines(file.path()));
    GoOn();
    ++versions;
  }
  EXPECT_GT(versions, 0);
}

}  // namespace
}  // namespace quotaplane
