#include "services/quota/quota_server.h"

#include <grpc/grpc.h>
#include <grpcpp/alarm.h>
#include <quotaplane/v1/internal/ping.grpc.pb.h>
#include <quotaplane/v1/quota.grpc.pb.h>

#include <algorithm>
#include <deque>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "libs/base/absl_view.h"
#include "libs/base/processors.h"
#include "services/quota/health.h"
#include "services/quota/quota_convert.h"
#include "services/quota/reflection.h"
#include "services/rpc/stream_call.h"

namespace quotaplane {
namespace {

using Quota = v1::QuotaService;
using RawQuota = Quota::WithRawMethod_Reserve<Quota::WithRawMethod_Extend<
    Quota::WithRawMethod_Commit<Quota::WithRawMethod_Release<Quota::WithRawMethod_Record<
        Quota::WithRawMethod_Check<Quota::WithRawMethod_GetUsage<Quota::Service>>>>>>>;
using Ping = v1::internal::PingService;
using RawPing = Ping::WithRawMethod_Ping<Ping::Service>;

// While draining, how often clients that are still there are told to go.
constexpr absl::Duration kCloseAgain = absl::Milliseconds(20);
// Calls of one method that wait for a request on one queue, so that a burst finds its place ready.
constexpr int kWaitingCalls = 64;
constexpr int kMaxMetadataBytes = 24 << 10;

// Ping's domain: none.
struct Pong {};
absl::StatusOr<Pong> FromProto(const v1::internal::PingRequest&, const RequestKeys&) {
  return Pong{};
}
void ToProto(const Pong&, v1::internal::PingResponse*) {}

template <typename Service>
std::string PathOf(std::string_view method) {
  return absl::StrCat("/", Service::service_full_name(), "/", AbslView(method));
}

// What a call is about once its arguments are made, and a virtual key's org is known.
template <typename Args>
RequestScope ScopeOfArgs(const Args& args) {
  if constexpr (std::is_same_v<Args, Pong>) {
    return {RequestScope::Kind::kNothing, {}};
  } else if constexpr (requires { args.subject.org; }) {
    return OrgScope(args.subject.org);
  } else {
    return OrgScope(args.org);
  }
}

// For metrics.
template <typename Answer>
CallOutcome OutcomeOf(const Answer& answer) {
  if constexpr (requires { answer.verdict; }) {
    switch (answer.verdict.decision) {
      case Decision::kAllow:
        return CallOutcome::kAllow;
      case Decision::kAllowSoft:
        return CallOutcome::kAllowSoft;
      case Decision::kDeny:
        return CallOutcome::kDeny;
    }
  }
  return CallOutcome::kNone;
}

int64_t LocalNowUs() { return absl::ToUnixMicros(absl::Now()); }

int ThreadsOf(const QuotaServerOptions& options) {
  if (options.threads > 0) return options.threads;
  return std::max(1, AvailableProcessors() / 2);
}

}  // namespace

// A completion queue and its thread. Also the event that stops it: that comes through the queue
// itself, so that everything that is ever asked of the queue is asked by its own thread, before it
// shuts down.
struct QuotaServer::Queue : public QueueEvent {
  // Tells the streams that the server goes, on the queue's thread, which owns them.
  struct DrainEvent : public QueueEvent {
    explicit DrainEvent(StreamCalls* streams) : streams(streams) {}
    void OnEvent(bool) override { streams->Drain(); }

    StreamCalls* const streams;
    grpc::Alarm alarm;
  };

  // Waits, while the server shuts down, until the calls that were accepted have ended: twice in a
  // row, since one that was on its way to the queue is behind the first look.
  struct IdleEvent : public QueueEvent {
    IdleEvent(grpc::ServerCompletionQueue* events, const QueueState* state)
        : events(events), state(state) {}
    void Look() {
      const gpr_timespec pause = gpr_time_from_millis(1, GPR_TIMESPAN);
      alarm.Set(events, gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), pause), this);
    }
    void OnEvent(bool) override {
      looks = state->in_flight == 0 ? looks + 1 : 0;
      looks < 2 ? Look() : idle.Notify();
    }

    grpc::ServerCompletionQueue* const events;
    const QueueState* const state;
    int looks = 0;
    absl::Notification idle;
    grpc::Alarm alarm;
  };

  Queue(grpc::AsyncGenericService* service, const CallGate* gate, RpcMeters* meters,
        const tracing::Tracer* tracer,
        std::unique_ptr<grpc::ServerCompletionQueue> completion_queue)
      : events(std::move(completion_queue)),
        streams(service, gate, meters, tracer, events.get(), &state) {}

  const std::unique_ptr<grpc::ServerCompletionQueue> events;
  QueueState state;
  StreamCalls streams;
  DrainEvent drain{&streams};
  IdleEvent idle{events.get(), &state};
  grpc::Alarm alarm;
  std::thread thread;

  void Serve() const {
    void* tag;
    bool ok;
    while (events->Next(&tag, &ok)) static_cast<QueueEvent*>(tag)->OnEvent(ok);
  }

  // Before the server shuts down.
  void Drain() { drain.alarm.Set(events.get(), gpr_now(GPR_CLOCK_MONOTONIC), &drain); }

  // After the server has shut down. Waits for the answers under way, which the store gives by their
  // deadlines.
  void Stop() { alarm.Set(events.get(), gpr_now(GPR_CLOCK_MONOTONIC), this); }

  void OnEvent(bool) override {
    if (state.in_flight > 0) {
      const gpr_timespec pause = gpr_time_from_millis(1, GPR_TIMESPAN);
      alarm.Set(events.get(), gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), pause), this);
      return;
    }
    state.stopping = true;
    events->Shutdown();
  }
};

// Services, and what the calls under way point into.
struct QuotaServer::Methods {
  Methods(const RequestKeys* keys, RpcMeters* meters, const tracing::Tracer* tracer)
      : keys(keys), meters(meters), tracer(tracer) {}

  const RequestKeys* const keys;
  RpcMeters* const meters;
  const tracing::Tracer* const tracer;
  RawQuota quota;
  RawPing ping;
  std::deque<CalledMethod> called;
  grpc::AsyncGenericService streams;
  template <typename Request, typename Response>
  struct List {
    std::deque<typename UnaryCall<Request, Response>::Method> methods;
  };
  std::tuple<
      List<v1::ReserveRequest, v1::ReserveResponse>, List<v1::ExtendRequest, v1::ExtendResponse>,
      List<v1::CommitRequest, v1::CommitResponse>, List<v1::ReleaseRequest, v1::ReleaseResponse>,
      List<v1::RecordRequest, v1::RecordResponse>, List<v1::CheckRequest, v1::CheckResponse>,
      List<v1::GetUsageRequest, v1::GetUsageResponse>,
      List<v1::internal::PingRequest, v1::internal::PingResponse>>
      lists;

  // `run(args, deadline, done)` is the library call; the rest is the same for every method:
  // validate, authorize, call, convert.
  template <typename Request, typename Response, typename Service, typename RequestCall,
            typename Run>
  void Add(const std::string& path, Service* service, RequestCall request_call,
           const CallGate* gate, Queue* queue, Run run) {
    using Call = UnaryCall<Request, Response>;
    typename Call::Method method;
    method.accept = [service, request_call, events = queue->events.get()](
                        grpc::ServerContext* context, grpc::ByteBuffer* request,
                        typename Call::Writer* writer, void* tag) {
      (service->*request_call)(context, request, writer, events, events, tag);
    };
    method.handler = [run, keys = keys](const Request& request, const Caller& caller,
                                        std::chrono::system_clock::time_point deadline,
                                        typename Call::Finisher finisher) {
      auto args = FromProto(request, *keys);
      if (!args.ok()) {
        caller.CountRefusal(args.status());
        return finisher.Finish(args.status());
      }
      const absl::Status authorized = Authorize(caller, ScopeOfArgs(*args));
      if (!authorized.ok()) return finisher.Finish(authorized);
      if constexpr (requires { args->trace; }) args->trace = finisher.trace().Packed();
      finisher.trace().StoreBegins();
      run(*std::move(args), deadline, [finisher](auto answer) mutable {
        finisher.trace().StoreEnds(answer.ok());
        if (!answer.ok()) return finisher.Finish(answer.status());
        Response response;
        ToProto(*answer, &response);
        finisher.Finish(response, OutcomeOf(*answer));
      });
    };
    method.request_name = Request::descriptor()->name().c_str();
    method.called = &called.emplace_back(path);
    method.gate = gate;
    method.tracer = tracer;
    method.queue = &queue->state;
    method.meter = meters->Of(path);
    auto& list = std::get<List<Request, Response>>(lists).methods;
    list.push_back(std::move(method));
    for (int i = 0; i < kWaitingCalls; ++i) Call::Start(&list.back());
  }
};

absl::StatusOr<std::unique_ptr<QuotaServer>> QuotaServer::Start(Admission* admission,
                                                                const KeyRing* keys,
                                                                QuotaServerOptions options) {
  std::unique_ptr<QuotaServer> server(new QuotaServer(admission, keys, std::move(options)));
  if (absl::Status status = server->Listen(); !status.ok()) return status;
  return server;
}

QuotaServer::QuotaServer(Admission* admission, const KeyRing* keys, QuotaServerOptions options)
    : admission_(admission),
      keys_(keys, [admission] { return admission->EstimatedNowUs(); }),
      options_(std::move(options)),
      gate_(options_.authenticator, options_.refusals),
      meters_(options_.meters == nullptr ? &unread_meters_ : options_.meters),
      methods_(std::make_unique<Methods>(&keys_, meters_, options_.tracer)) {}

QuotaServer::~QuotaServer() { Drain(absl::ZeroDuration()); }

absl::Status QuotaServer::Listen() {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(
      options_.listen,
      options_.tls == nullptr ? grpc::InsecureServerCredentials() : options_.tls->Credentials(),
      &port);
  builder.SetMaxReceiveMessageSize(options_.most_request_bytes);
  grpc::ResourceQuota memory("server");
  memory.Resize(options_.most_buffered_bytes);
  builder.SetResourceQuota(memory);
  // A JWT with many groups is longer than gRPC's 8 KiB.
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  // Gateways keep connections open for days: notice dead ones, and let live ones ping.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  // Two servers on one port would share its connections by chance: a mistake should fail.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  if (admission_ != nullptr) builder.RegisterService(&methods_->quota);
  builder.RegisterService(&methods_->ping);
  builder.RegisterAsyncGenericService(&methods_->streams);
  for (int i = 0; i < ThreadsOf(options_); ++i) {
    queues_.push_back(std::make_unique<Queue>(&methods_->streams, &gate_, meters_, options_.tracer,
                                              builder.AddCompletionQueue()));
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0) {
    for (auto& queue : queues_) {
      queue->events->Shutdown();
      queue->Serve();
    }
    server_.reset();
    return absl::UnavailableError("cannot listen on " + options_.listen +
                                  ": is it taken, or not an address of this machine?");
  }
  address_ = options_.listen.substr(0, options_.listen.rfind(':') + 1) + std::to_string(port);
  for (auto& queue : queues_) {
    if (admission_ != nullptr) AddQuotaMethods(queue.get());
    AddOtherMethods(queue.get());
    queue->thread = std::thread([&queue] { queue->Serve(); });
  }
  return absl::OkStatus();
}

void QuotaServer::AddQuotaMethods(Queue* queue) {
  Methods& m = *methods_;
  using Deadline = std::chrono::system_clock::time_point;
  m.Add<v1::ReserveRequest, v1::ReserveResponse>(
      PathOf<Quota>("Reserve"), &m.quota, &RawQuota::RequestReserve, &gate_, queue,
      [this](ReserveArgs args, Deadline deadline, auto done) {
        admission_->Reserve(std::move(args), StoreDeadline(deadline), std::move(done));
      });
  m.Add<v1::ExtendRequest, v1::ExtendResponse>(
      PathOf<Quota>("Extend"), &m.quota, &RawQuota::RequestExtend, &gate_, queue,
      [this](ExtendArgs args, Deadline deadline, auto done) {
        admission_->Extend(std::move(args), StoreDeadline(deadline), std::move(done));
      });
  const auto commit = [this](CommitArgs args, Deadline deadline, auto done) {
    admission_->Commit(std::move(args), StoreDeadline(deadline), LocalNowUs(), std::move(done));
  };
  m.Add<v1::CommitRequest, v1::CommitResponse>(PathOf<Quota>("Commit"), &m.quota,
                                               &RawQuota::RequestCommit, &gate_, queue, commit);
  m.Add<v1::RecordRequest, v1::RecordResponse>(PathOf<Quota>("Record"), &m.quota,
                                               &RawQuota::RequestRecord, &gate_, queue, commit);
  m.Add<v1::ReleaseRequest, v1::ReleaseResponse>(
      PathOf<Quota>("Release"), &m.quota, &RawQuota::RequestRelease, &gate_, queue,
      [this](ReservationKey key, Deadline deadline, auto done) {
        admission_->Release(std::move(key), StoreDeadline(deadline), std::move(done));
      });
  m.Add<v1::CheckRequest, v1::CheckResponse>(
      PathOf<Quota>("Check"), &m.quota, &RawQuota::RequestCheck, &gate_, queue,
      [this](ReserveArgs args, Deadline deadline, auto done) {
        admission_->Check(std::move(args), StoreDeadline(deadline), std::move(done));
      });
  m.Add<v1::GetUsageRequest, v1::GetUsageResponse>(
      PathOf<Quota>("GetUsage"), &m.quota, &RawQuota::RequestGetUsage, &gate_, queue,
      [this](Subject subject, Deadline deadline, auto done) {
        admission_->GetUsage(std::move(subject), StoreDeadline(deadline), std::move(done));
      });
}

void QuotaServer::AddOtherMethods(Queue* queue) {
  methods_->Add<v1::internal::PingRequest, v1::internal::PingResponse>(
      PathOf<Ping>("Ping"), &methods_->ping, &RawPing::RequestPing, &gate_, queue,
      [](Pong pong, std::chrono::system_clock::time_point, auto done) {
        done(absl::StatusOr<Pong>(pong));
      });
  std::vector<std::string> services;
  if (admission_ != nullptr) services.emplace_back(Quota::service_full_name());
  for (const StreamService& service : options_.more) {
    services.push_back(service.name);
    service.add(&queue->streams, queue->events.get());
  }
  ServeHealth(services, &queue->streams);
  services.insert(services.end(), {Ping::service_full_name(), "grpc.health.v1.Health",
                                   "grpc.reflection.v1alpha.ServerReflection"});
  ServeReflection(services, &queue->streams);
  queue->streams.Start();
}

SteadyTime QuotaServer::StoreDeadline(std::chrono::system_clock::time_point caller) const {
  const auto most = absl::ToChronoMicroseconds(options_.store_timeout);
  auto timeout = most;
  if (caller != std::chrono::system_clock::time_point::max()) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
        caller - std::chrono::system_clock::now());
    timeout = std::clamp(left * 7 / 10, std::chrono::microseconds(0), most);
  }
  return std::chrono::steady_clock::now() + timeout;
}

void QuotaServer::Drain(absl::Duration grace) {
  if (drained_ || server_ == nullptr) return;
  drained_ = true;
  for (auto& queue : queues_) queue->Drain();
  absl::Notification closed;
  std::thread closing([&] {
    server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(grace));
    closed.Notify();
  });
  for (auto& queue : queues_) queue->idle.Look();
  for (auto& queue : queues_) queue->idle.idle.WaitForNotificationWithTimeout(grace);
  // Nothing that we accepted is left. gRPC would still wait for idle clients to go, and for a call
  // that came in the very moment of the shutdown, which nobody answers any more (1.51 parks it
  // among calls that wait to be accepted): its caller had better be told at once. Again and again,
  // since the other thread may not have got to close the port yet.
  do {
    grpc_server_cancel_all_calls(server_->c_server());
  } while (!closed.WaitForNotificationWithTimeout(kCloseAgain));
  closing.join();
  for (auto& queue : queues_) queue->idle.idle.WaitForNotification();
  for (auto& queue : queues_) queue->Stop();
  for (auto& queue : queues_) queue->thread.join();
}

}  // namespace quotaplane
