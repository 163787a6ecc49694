// A service whose writes stand in the audit log, as a server's queues see it: its methods, and the
// threads that answer, watch, and write refusals down.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "services/audited/audited_work.h"
#include "services/rpc/caller.h"
#include "services/rpc/pooled_calls.h"
#include "services/rpc/stream_call.h"
#include "services/rpc/work_pool.h"

namespace quotaplane {

struct AuditedServiceOptions {
  std::string name;  // "quotaplane.v1.AdminService"
  // Threads that answer calls, and how many calls wait for them; more are refused. Watchers have
  // threads of their own.
  int threads = 2;
  size_t queue = 64;
  int watchers = 4;
  // Of the requests that wait or are worked on.
  size_t request_bytes = 8 << 20;
};

template <typename Parts>
class AuditedService {
 public:
  using Call = AuditedCall<Parts>;
  using Work = AuditedWork<Parts>;

  AuditedService(typename Work::Role role, AuditedServiceOptions options)
      : name_(std::move(options.name)),
        work_(std::move(role), options.request_bytes, static_cast<size_t>(options.watchers)),
        pool_(options.threads, options.queue),
        watch_pool_(options.watchers, static_cast<size_t>(options.watchers)),
        audit_pool_(1, kAuditQueue) {}

  const std::string& name() const { return name_; }

  // Its methods, added to the calls of one queue. `Check` says of a request what can be said of it
  // by itself: a lambda without captures, over every request of the service.
  template <typename Check>
  class Methods {
   public:
    Methods(AuditedService* service, StreamCalls* calls, grpc::ServerCompletionQueue* events,
            Check check)
        : service_(service), calls_(calls), events_(events), check_(check) {}

    // A call with one answer. `most`: bytes of its request.
    template <typename Request, typename Response>
    void Answer(const std::string& name, absl::Status (*run)(Call&, const Request&, Response*),
                size_t most = kMaxRequestBytes) {
      Answer<Request, Response>(name, typename Work::template Run<Request, Response>(run), most);
    }
    // By `pool`, if given, which outlives the calls, and ends before the service.
    template <typename Request, typename Response>
    void Answer(const std::string& name, typename Work::template Run<Request, Response> run,
                size_t most = kMaxRequestBytes, WorkPool* pool = nullptr) {
      const CalledMethod* const method = service_->MethodOf(name);
      const PrepareAnswer prepare =
          service_->work_.template Answer<Request, Response>(method, check_, std::move(run), most);
      calls_->Add(
          method->path,
          [prepare, pool = pool != nullptr ? pool : &service_->pool_, events = events_](
              StreamCall* call) { return HandleAnswer(prepare, pool, events, call); },
          method->on_refusal);
    }
    // A stream of one of the few watchers.
    template <typename Request>
    void Watch(const std::string& name,
               absl::Status (*run)(Call&, const Request&, const SendChunk&)) {
      AddStream<Request>(name, run, &service_->watch_pool_, true);
    }
    // A stream that `pool` works on, which outlives the calls, and ends before the service.
    template <typename Request>
    void Stream(const std::string& name,
                absl::Status (*run)(Call&, const Request&, const SendChunk&), WorkPool* pool) {
      AddStream<Request>(name, run, pool, false);
    }

   private:
    template <typename Request>
    void AddStream(const std::string& name, typename Work::template RunStream<Request> run,
                   WorkPool* pool, bool watches) {
      const CalledMethod* const method = service_->MethodOf(name);
      const PrepareStream prepare =
          service_->work_.template Stream<Request>(method, check_, std::move(run), watches);
      calls_->Add(
          method->path,
          [prepare, pool, events = events_](StreamCall* call) {
            return HandleStream(prepare, pool, events, call);
          },
          method->on_refusal);
    }

    AuditedService* const service_;
    StreamCalls* const calls_;
    grpc::ServerCompletionQueue* const events_;
    const Check check_;
  };

 private:
  // Refusals of the gates that wait to be written down.
  static constexpr size_t kAuditQueue = 1'000;

  // The same for every queue.
  const CalledMethod* MethodOf(const std::string& name) {
    std::unique_ptr<CalledMethod>& method = methods_[name];
    if (method == nullptr) {
      method = std::make_unique<CalledMethod>("/" + name_ + "/" + name,
                                              work_.Refused(name, &audit_pool_));
    }
    return method.get();
  }

  const std::string name_;
  Work work_;
  std::map<std::string, std::unique_ptr<CalledMethod>> methods_;  // by name
  // Last, so that their work ends before what it uses.
  WorkPool pool_;
  WorkPool watch_pool_;
  WorkPool audit_pool_;
};

}  // namespace quotaplane
