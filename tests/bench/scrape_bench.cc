// A scrape of 10,000 series beside Reserves: how long it takes, and what it does to their p99.
// Windows of a second with a scrape and without one follow each other, so both see the same
// machine; one scrape a second is fifteen times as many as Prometheus makes.
#include <arpa/inet.h>
#include <quotaplane/v1/quota.grpc.pb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/config/policy_reader.h"
#include "libs/config/price_book_reader.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/scripts.h"
#include "libs/metrics/exposer.h"
#include "libs/testing/redis_server.h"
#include "services/quota/charge_convert.h"
#include "services/quota/quota_server.h"
#include "services/quota/use_metrics.h"

namespace quotaplane {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kClients = 2;
constexpr int kReadings = 51;
constexpr char kPolicy[] = R"(
defaults: {on_outage: deny}
limits:
  - {id: team-day, per: [team], unit: usd, amount: 1000000, window: day}
  - {id: user-minute, per: [user], unit: requests, amount: 100000000, window: 60s}
)";

class NoSpool : public ChargeSpool {
 public:
  void Append(std::string, absl::AnyInvocable<void(absl::Status)> done) override {
    done(absl::ResourceExhaustedError("no spool"));
  }
};

// Every place taken: each with two decisions, a cost and two meters of tokens.
void Fill(UseCounts* uses, int64_t now_us) {
  for (int64_t i = 0; i < uses->most_sets(); ++i) {
    ChargeRecord record;
    record.subject = {"acme", absl::StrCat("team-", i), "project", "user", "", "model", {}};
    for (const char* meter : {"input", "output"}) {
      ChargeLine line;
      line.model = "model";
      line.meter = meter;
      line.quantity = 1'000 + i;
      line.cost_nano_usd = 1'234'567 + i;
      record.lines.push_back(line);
    }
    uses->CountCharge(record, now_us);
    uses->CountDecision(record.subject, Decision::kAllow, false, now_us);
    uses->CountDecision(record.subject, Decision::kDeny, false, now_us);
  }
}

std::string Scrape(const std::string& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.substr(10).c_str())));
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) std::abort();
  const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
  if (write(fd, request.data(), request.size()) < 0) std::abort();
  std::string answer;
  std::vector<char> buffer(1 << 16);
  for (ssize_t got = 0; (got = read(fd, buffer.data(), buffer.size())) > 0;) {
    answer.append(buffer.data(), static_cast<size_t>(got));
  }
  close(fd);
  return answer;
}

double QuantileUs(std::vector<int64_t>* ns, double q) {
  if (ns->empty()) return 0;
  const auto at =
      ns->begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(ns->size() - 1));
  std::nth_element(ns->begin(), at, ns->end());
  return static_cast<double>(*at) / 1e3;
}

struct Measured {
  std::vector<int64_t> quiet_ns, scraped_ns, scrape_ns;
};

// Reserves, one after the other, into where `window` says.
void Reserve(v1::QuotaService::Stub* stub, int client, const std::atomic<int>* window,
             Measured* measured) {
  for (int64_t i = 0; *window >= 0; ++i) {
    v1::ReserveRequest request;
    request.set_reservation_id(absl::StrCat("c", client, "-", i));
    request.mutable_subject()->set_org("acme");
    request.mutable_subject()->set_team("team-1");
    request.mutable_subject()->set_project("project");
    request.mutable_subject()->set_user(absl::StrCat("user-", i % 100));
    request.mutable_subject()->set_model("claude-sonnet-4-5");
    (*request.mutable_estimate()->mutable_meters())["output"] = 10;
    grpc::ClientContext context;
    v1::ReserveResponse response;
    const int at = *window;
    const Clock::time_point begin = Clock::now();
    const grpc::Status status = stub->Reserve(&context, request, &response);
    const int64_t took = (Clock::now() - begin).count();
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.error_message().c_str());
      std::abort();
    }
    (at == 1 ? measured->scraped_ns : measured->quiet_ns).push_back(took);
  }
}

int Main(int seconds) {
  fixtures::RedisServer redis;
  redis::ClientOptions redis_options;
  redis_options.url = redis.unix_url();
  const auto client = *redis::Client::Start(redis_options, GetCounterScripts().all());
  if (!client->WaitReady(absl::Seconds(20)).ok()) return 1;
  RedisCounterStore store(client.get(), {});
  SnapshotHolder snapshots(
      {std::make_shared<const PolicySet>(*ParsePolicy(kPolicy, "policy")), DefaultPriceBook()});
  NoSpool spool;
  const LedgerCodec codec;
  UseCounts uses;
  Admission admission(&store, &snapshots, &spool, &codec, nullptr, nullptr, &uses);
  RpcMeters meters;
  QuotaServerOptions options;
  options.listen = "127.0.0.1:0";
  options.store_timeout = absl::Seconds(5);
  options.meters = &meters;
  const auto server = *QuotaServer::Start(&admission, nullptr, options);
  Fill(&uses, store.EstimatedNowUs());
  const metrics::Collector collector = metrics::Shared(
      {[&] { return UseMetrics(uses, store.EstimatedNowUs()); }, [&] { return meters.Collect(); }});
  const auto exposer = *metrics::Exposer::Start({"127.0.0.1:0", {collector}});

  std::atomic<int> window = 0;
  std::vector<Measured> measured(kClients);
  for (Measured& one : measured) {
    one.quiet_ns.reserve(1 << 20);
    one.scraped_ns.reserve(1 << 20);
  }
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      grpc::ChannelArguments own;
      own.SetInt("client", c);  // a connection of its own
      const auto stub = v1::QuotaService::NewStub(
          grpc::CreateCustomChannel(server->address(), grpc::InsecureChannelCredentials(), own));
      Reserve(stub.get(), c, &window, &measured[c]);
    });
  }
  std::vector<int64_t> scrapes;
  int64_t series = 0;
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  for (int i = 0; i < 2 * seconds; ++i) {
    window = i % 2;
    const Clock::time_point end = Clock::now() + std::chrono::seconds(1);
    if (i % 2 == 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      const Clock::time_point begin = Clock::now();
      const std::string text = Scrape(exposer->address());
      scrapes.push_back((Clock::now() - begin).count());
      const std::string body = text.substr(text.find("\r\n\r\n") + 4);
      series = 0;
      for (size_t at = 0; at < body.size(); at = body.find('\n', at) + 1) series += body[at] != '#';
    }
    std::this_thread::sleep_until(end);
  }
  window = -1;
  for (std::thread& thread : clients) thread.join();
  Measured all;
  for (const Measured& one : measured) {
    all.quiet_ns.insert(all.quiet_ns.end(), one.quiet_ns.begin(), one.quiet_ns.end());
    all.scraped_ns.insert(all.scraped_ns.end(), one.scraped_ns.begin(), one.scraped_ns.end());
  }
  // What a second reader pays, which writes the values in a form of its own.
  std::vector<int64_t> readings;
  for (int i = 0; i < kReadings; ++i) {
    const Clock::time_point begin = Clock::now();
    const size_t families = collector().size();
    readings.push_back((Clock::now() - begin).count());
    if (families == 0) return 1;
  }
  const double quiet = QuantileUs(&all.quiet_ns, 0.99), scraped = QuantileUs(&all.scraped_ns, 0.99);
  std::printf("series %lld; a scrape takes %.1f ms (median), %.1f ms at most\n",
              static_cast<long long>(series), QuantileUs(&scrapes, 0.5) / 1e3,
              QuantileUs(&scrapes, 1) / 1e3);
  std::printf("of which to read the values takes %.1f ms (median, without calls)\n",
              QuantileUs(&readings, 0.5) / 1e3);
  std::printf("Reserves: %zu without, %zu with a scrape a second\n", all.quiet_ns.size(),
              all.scraped_ns.size());
  std::printf("p50 %.0f us without, %.0f us with\n", QuantileUs(&all.quiet_ns, 0.5),
              QuantileUs(&all.scraped_ns, 0.5));
  std::printf("p99 %.0f us without, %.0f us with: ratio %.3f\n", quiet, scraped, scraped / quiet);
  return series >= 10'000 ? 0 : 1;
}

}  // namespace
}  // namespace quotaplane

int main(int argc, char** argv) {
  return quotaplane::Main(argc > 1 ? std::max(1, std::atoi(argv[1])) : 15);
}
