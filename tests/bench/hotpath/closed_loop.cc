#include <utility>

#include "tests/bench/hotpath/clock.h"
#include "tests/bench/hotpath/load.h"

namespace quotaplane::bench {
namespace {

class ClosedLoop {
 public:
  ClosedLoop(Client* client, const Population& population, Operation operation,
             Reservations* reservations)
      : client_(client),
        population_(population),
        operation_(operation),
        reservations_(reservations) {
    if (operation_ == Operation::kCommit) to_commit_ = std::exchange(reservations_->open, {});
  }

  ClosedResult Run(int in_flight, double seconds) {
    const int64_t begin_ns = NowNs();
    const auto length_ns = static_cast<int64_t>(seconds * 1e9);
    count_from_ns_ = begin_ns + length_ns / 10;
    end_ns_ = begin_ns + length_ns;

    std::vector<Call> calls(in_flight);
    int running = 0;
    for (Call& call : calls) running += Begin(&call) ? 1 : 0;
    while (running > 0) {
      Call* call = client_->Next();
      last_ns_ = NowNs();
      if (operation_ == Operation::kPair && call->method == Method::kReserve) {
        client_->Start(call, Method::kCommit, population_.Commit(call->sequence));
        continue;
      }
      Finish(*call);
      if (!Begin(call)) --running;
    }
    result_.per_s =
        static_cast<double>(ended_) * 1e9 / static_cast<double>(last_ns_ - count_from_ns_);
    return result_;
  }

 private:
  // False where there is nothing more to start.
  bool Begin(Call* call) {
    call->start_ns = NowNs();
    if (operation_ == Operation::kCommit) {
      if (to_commit_.empty()) return false;
      call->sequence = to_commit_.back();
      to_commit_.pop_back();
      client_->Start(call, Method::kCommit, population_.Commit(call->sequence));
      return true;
    }
    if (call->start_ns >= end_ns_) return false;
    if (operation_ == Operation::kEmpty) {
      ++call->sequence;
      client_->Start(call, Method::kEmpty, population_.Empty());
      return true;
    }
    if (reservations_->next >= reservations_->end) return false;
    call->sequence = reservations_->next++;
    client_->Start(call, Method::kReserve, population_.Reserve(call->sequence));
    return true;
  }

  void Finish(const Call& call) {
    if (operation_ == Operation::kReserve) reservations_->open.push_back(call.sequence);
    if (last_ns_ < count_from_ns_) return;
    ++ended_;
    if (call.start_ns >= count_from_ns_) result_.latency.Add(last_ns_ - call.start_ns);
  }

  Client* client_;
  const Population& population_;
  const Operation operation_;
  Reservations* reservations_;
  std::vector<int64_t> to_commit_;

  int64_t count_from_ns_ = 0;
  int64_t end_ns_ = 0;
  int64_t last_ns_ = 0;
  int64_t ended_ = 0;
  ClosedResult result_;
};

}  // namespace

ClosedResult RunClosed(Client* client, const Population& population, Operation operation,
                       int in_flight, double seconds, Reservations* reservations) {
  return ClosedLoop(client, population, operation, reservations).Run(in_flight, seconds);
}

}  // namespace quotaplane::bench
