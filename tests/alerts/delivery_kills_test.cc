// The process that records signals and sends their messages is killed with SIGKILL, over and over,
// also between a message and its mark: nothing is lost, nothing is told twice but under the same
// id, with the same body.
//
// This program is the killed process too, when it is run with --send.
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "libs/alerts/alert_dispatch.h"
#include "libs/alerts/alert_store.h"
#include "libs/alerts/receivers_reader.h"
#include "libs/sql/migrate.h"
#include "libs/sql/test_database.h"
#include "libs/testing/http_receiver.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

constexpr int kSignals = 300;
constexpr int64_t kSecondUs = 1'000'000;

// Of an org each, so that each has a message of its own.
Signal SignalOf(int i) {
  Signal signal;
  signal.org = absl::StrCat("org", i);
  signal.rule_id = "user-month";
  signal.key = "user";
  signal.occurrence = "first";
  signal.summary = absl::StrCat("signal ", i);
  signal.at_us = 1'790'000'000 * kSecondUs;
  return signal;
}

void Require(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::exit(2);
}

// Tells everything from the start, as a source does after a crash, and sends until it is killed.
[[noreturn]] void Send(const std::string& database_url, const std::string& receivers_file,
                       int64_t ahead_us) {
  auto database = sql::Database::Open({.url = database_url});
  Require(database.status());
  const auto receivers = LoadReceiversFile(receivers_file);
  Require(receivers.status());
  const auto now_us = [=] { return absl::ToUnixMicros(absl::Now()) + ahead_us; };
  AlertStore store([&] { return *receivers; });
  AlertDispatch dispatch(database->get(), {.receivers = [&] { return *receivers; },
                                           .now_us = now_us,
                                           .interval = absl::Milliseconds(20),
                                           .timeout = absl::Seconds(60)});
  for (int i = 0; i < kSignals; ++i) {
    const auto transaction = (*database)->Begin();
    Require(transaction.status());
    Require(store.Record(**transaction, {SignalOf(i)}, now_us()).status());
    Require((*transaction)->Commit());
    dispatch.Wake();
  }
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

class DeliveryKillsTest : public sql::DatabaseTest {};

TEST_P(DeliveryKillsTest, NothingIsLostAndWhatComesTwiceIsTheSame) {
  ASSERT_TRUE(sql::Migrate(*db_).ok());
  std::atomic<bool> hold = false;  // takes messages, and says nothing
  fixtures::HttpReceiver server([&](const fixtures::HttpReceived&) {
    return hold ? std::string() : fixtures::HttpAnswerOf(200);
  });
  const fixtures::TempDir dir;
  std::ofstream(dir.File("secret")) << "0123456789abcdef";
  std::ofstream(dir.File("receivers.yaml"))
      << "receivers:\n  hook: {kind: webhook, url: \"" << server.Url()
      << "\", secret_file: secret}\ndefault: [hook]\n";

  // Each process is started when the leases of the one before it are over.
  constexpr int64_t kLeaseUs = 300 * kSecondUs;
  int64_t ahead_us = 0;
  const auto start = [&] {
    ahead_us += kLeaseUs;
    return std::make_unique<fixtures::ChildProcess>(
        fixtures::ProcessOptions{.argv = {"/proc/self/exe", "--send", url(),
                                          dir.File("receivers.yaml"), absl::StrCat(ahead_us)},
                                 .log_path = dir.File("sender.log")});
  };
  int held = 0;
  for (int round = 0; round < 16; ++round) {
    const size_t before = server.received().size();
    hold = round % 2 == 1;
    const auto sender = start();
    // One that is held is sent, and not marked.
    ASSERT_TRUE(server.WaitFor(before + (hold ? 1 : 1 + static_cast<size_t>(round))))
        << sender->LogTail();
    held += hold ? 1 : 0;
    sender->Stop(SIGKILL);
  }
  hold = false;
  const auto sender = start();
  const auto count = [&](const char* what) {
    return sql::MustCount(*db_, absl::StrCat("SELECT COUNT(*) FROM ", what));
  };
  ASSERT_TRUE(fixtures::PollUntil(absl::Seconds(90), [&] {
    return count("alerts") == kSignals && count("alert_messages WHERE state = 'sent'") == kSignals;
  })) << sender->LogTail();
  sender->Stop(SIGKILL);

  EXPECT_EQ(count("alert_messages"), kSignals);
  EXPECT_EQ(count("alerts WHERE tellings = 1"), kSignals);
  std::map<std::string, std::string> body_of_id;
  std::map<std::string, std::string> id_of_org;
  int twice = 0;
  for (const fixtures::HttpReceived& got : server.received()) {
    const std::string& id = got.headers.at("idempotency-key");
    const auto [first, is_new] = body_of_id.emplace(id, got.body);
    twice += is_new ? 0 : 1;
    EXPECT_EQ(first->second, got.body);
    const std::string org = nlohmann::json::parse(got.body)["org"];
    EXPECT_EQ(id_of_org.emplace(org, id).first->second, id);
  }
  EXPECT_EQ(body_of_id.size(), static_cast<size_t>(kSignals));
  EXPECT_EQ(id_of_org.size(), static_cast<size_t>(kSignals));
  EXPECT_GE(twice, held);
  std::cout << kSignals << " messages, " << twice << " came twice\n";
}

QP_OVER_BOTH_DATABASES(DeliveryKillsTest);

}  // namespace
}  // namespace quotaplane

int main(int argc, char** argv) {
  int64_t ahead_us = 0;
  if (argc == 5 && std::strcmp(argv[1], "--send") == 0 && absl::SimpleAtoi(argv[4], &ahead_us)) {
    quotaplane::Send(argv[2], argv[3], ahead_us);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
