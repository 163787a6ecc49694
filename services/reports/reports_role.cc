#include "services/reports/reports_role.h"

#include <quotaplane/v1/reports.pb.h>

#include <utility>

#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"
#include "libs/reports/entry_files.h"
#include "libs/reports/export.h"
#include "libs/reports/focus.h"
#include "libs/reports/reports.h"
#include "libs/reports/statement_csv.h"
#include "libs/reports/statement_json.h"
#include "libs/reports/statement_page.h"
#include "libs/reports/statement_store.h"
#include "libs/sql/migrate.h"
#include "services/reports/reports_convert.h"
#include "services/reports/statements_convert.h"
#include "services/rpc/parse_request.h"
#include "services/rpc/pooled_calls.h"

namespace quotaplane {
namespace {

constexpr char kServiceName[] = "quotaplane.v1.ReportService";

// What a caller should know of an error. Bad input was refused before: what the database calls
// invalid is our mistake.
absl::Status ForCaller(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kCancelled:
      return status;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kDataLoss:
      // With a reason they are about statements; without one they are the database's.
      if (ReasonOf(status).has_value()) return status;
      break;
    case absl::StatusCode::kResourceExhausted:
      if (ReasonOf(status).has_value()) return status;
      LogError("report: {}", status.ToString());
      return ReasonedError(status.code(), "OVERLOADED", "the ledger's database is overloaded");
    case absl::StatusCode::kDeadlineExceeded:
      return ReasonedError(status.code(), "REPORT_TOO_SLOW",
                           "the ledger's database took too long: ask for a shorter range, or "
                           "without api_key and labels");
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
      LogError("report: {}", status.ToString());
      return ReasonedError(absl::StatusCode::kUnavailable, "LEDGER_UNAVAILABLE",
                           "the ledger's database is away");
    default:
      break;
  }
  LogError("report: {}", status.ToString());
  return absl::InternalError("the report failed; the server's log says more");
}

using LedgerOf = std::function<absl::StatusOr<sql::Database*>()>;
using Answer = absl::StatusOr<std::unique_ptr<google::protobuf::Message>>;

// `answer(database, args, response)` reads the report; the rest is the same for every method.
template <typename Request, typename Response, typename Run>
PrepareAnswer Prepare(const char* name, LedgerOf ledger, Run answer) {
  return [=](grpc::ByteBuffer* bytes, const Caller& caller) -> absl::StatusOr<AnswerWork> {
    Request request;
    QP_RETURN_IF_ERROR(ParseRequest(name, bytes, caller, &request));
    QP_ASSIGN_OR_RETURN(auto args, FromProto(request));
    return AnswerWork([=, args = std::move(args)]() -> Answer {
      const absl::StatusOr<sql::Database*> database = ledger();
      if (!database.ok()) return ForCaller(database.status());
      auto response = std::make_unique<Response>();
      const absl::Status status = answer(**database, args, response.get());
      if (!status.ok()) return ForCaller(status);
      return Answer(std::move(response));
    });
  };
}

absl::Status Usage(sql::Database& ledger, const UsagePage& page, v1::QueryUsageResponse* response) {
  QP_ASSIGN_OR_RETURN(const reports::UsageReport report, reports::QueryUsage(ledger, page.query));
  ToProto(report, page, response);
  return absl::OkStatus();
}

absl::Status Spenders(sql::Database& ledger, const reports::UsageQuery& query,
                      v1::ListTopSpendersResponse* response) {
  QP_ASSIGN_OR_RETURN(const reports::UsageReport report, reports::QueryUsage(ledger, query));
  ToProto(report, response);
  return absl::OkStatus();
}

absl::Status Comparison(sql::Database& ledger, const ComparisonArgs& args,
                        v1::ComparePeriodsResponse* response) {
  QP_ASSIGN_OR_RETURN(
      const reports::ComparisonReport report,
      reports::ComparePeriods(ledger, args.selection, args.base, args.group_by, args.top));
  ToProto(report, response);
  return absl::OkStatus();
}

std::unique_ptr<reports::EntryWriter> WriterFor(const ExportArgs& args) {
  if (args.format == v1::EXPORT_FORMAT_CSV) return reports::CsvWriter();
  if (args.format == v1::EXPORT_FORMAT_JSON_LINES) return reports::JsonLinesWriter();
  return reports::FocusWriter(args.names);
}

PrepareStream PrepareExportOf(LedgerOf ledger) {
  return [=](grpc::ByteBuffer* bytes, const Caller& caller) -> absl::StatusOr<StreamWork> {
    v1::ExportUsageRequest request;
    QP_RETURN_IF_ERROR(ParseRequest("ExportUsageRequest", bytes, caller, &request));
    QP_ASSIGN_OR_RETURN(ExportArgs args, FromProto(request));
    return StreamWork([=, args = std::move(args)](const SendChunk& send) -> absl::Status {
      const absl::StatusOr<sql::Database*> database = ledger();
      if (!database.ok()) return ForCaller(database.status());
      const auto sink = [&](const reports::ExportChunk& chunk) {
        auto response = std::make_unique<v1::ExportUsageResponse>();
        ToProto(chunk, response.get());
        return send(std::move(response));
      };
      return ForCaller(
          reports::ExportEntries(**database, args.selection, WriterFor(args).get(), sink));
    });
  };
}

int64_t NowUs() { return absl::ToUnixMicros(absl::Now()); }

absl::Status Close(sql::Database& ledger, const CloseArgs& args, v1::CloseMonthResponse* response) {
  QP_ASSIGN_OR_RETURN(const reports::CloseResult result,
                      reports::CloseMonth(ledger, args.query, args.request_id, NowUs()));
  ToProto(result, response);
  return absl::OkStatus();
}

absl::Status Preview(sql::Database& ledger, const reports::MonthQuery& query,
                     v1::PreviewMonthResponse* response) {
  QP_ASSIGN_OR_RETURN(const std::vector<reports::Statement> statements,
                      reports::PreviewMonth(ledger, query));
  for (const reports::Statement& statement : statements) {
    ToProto(reports::SummaryOf(statement), response->add_statements());
  }
  return absl::OkStatus();
}

absl::Status List(sql::Database& ledger, const StatementsPage& page,
                  v1::ListStatementsResponse* response) {
  QP_ASSIGN_OR_RETURN(const std::vector<reports::StatementSummary> found,
                      reports::ListStatements(ledger, page.filter, page.after, page.size + 1));
  ToProto(found, page, response);
  return absl::OkStatus();
}

absl::StatusOr<std::string> StatementFile(const reports::Statement& statement,
                                          v1::StatementFormat format) {
  if (format == v1::STATEMENT_FORMAT_CSV) return reports::StatementCsv(statement);
  if (format == v1::STATEMENT_FORMAT_HTML) return reports::StatementPage(statement);
  return reports::StatementJson(statement);
}

absl::StatusOr<std::string> FileOf(sql::Database& ledger, const StatementArgs& args) {
  QP_ASSIGN_OR_RETURN(std::string document, reports::StoredDocument(ledger, args.org, args.number));
  if (args.format == v1::STATEMENT_FORMAT_JSON) return document;
  QP_ASSIGN_OR_RETURN(const reports::Statement statement, reports::ParseStatement(document));
  return StatementFile(statement, args.format);
}

absl::StatusOr<std::string> FileOf(sql::Database& ledger, const PreviewArgs& args) {
  QP_ASSIGN_OR_RETURN(const std::vector<reports::Statement> statements,
                      reports::PreviewMonth(ledger, args.query));
  for (const reports::Statement& statement : statements) {
    if (statement.cost_center == args.cost_center) return StatementFile(statement, args.format);
  }
  return ReasonedError(absl::StatusCode::kNotFound, "STATEMENT_UNKNOWN",
                       "the cost center has nothing in this month");
}

// A file that is made whole and sent in chunks.
template <typename Request>
PrepareStream PrepareFile(const char* name, LedgerOf ledger) {
  return [=](grpc::ByteBuffer* bytes, const Caller& caller) -> absl::StatusOr<StreamWork> {
    Request request;
    QP_RETURN_IF_ERROR(ParseRequest(name, bytes, caller, &request));
    QP_ASSIGN_OR_RETURN(auto args, FromProto(request));
    return StreamWork([=, args = std::move(args)](const SendChunk& send) -> absl::Status {
      const absl::StatusOr<sql::Database*> database = ledger();
      if (!database.ok()) return ForCaller(database.status());
      const absl::StatusOr<std::string> file = FileOf(**database, args);
      if (!file.ok()) return ForCaller(file.status());
      for (size_t at = 0;; at += kStatementChunkBytes) {
        auto chunk = std::make_unique<v1::StatementChunk>();
        chunk->set_data(file->substr(at, kStatementChunkBytes));
        const bool last = file->size() - at <= kStatementChunkBytes;
        chunk->set_last(last);
        QP_RETURN_IF_ERROR(send(std::move(chunk)));
        if (last) return absl::OkStatus();
      }
    });
  };
}

}  // namespace

ReportsRole::ReportsRole(ReportsRoleOptions options)
    : options_(std::move(options)),
      queries_(options_.query_threads, options_.query_queue),
      exports_(options_.export_threads, options_.export_queue) {}

absl::StatusOr<std::unique_ptr<ReportsRole>> ReportsRole::Start(ReportsRoleOptions options) {
  std::unique_ptr<ReportsRole> role(new ReportsRole(std::move(options)));
  const absl::Status opened = role->Database().status();
  if (absl::IsFailedPrecondition(opened) || absl::IsInvalidArgument(opened)) return opened;
  if (!opened.ok()) LogError("the ledger is away, reports wait: {}", opened.ToString());
  if (role->options_.watch_log_level) {
    role->log_level_watch_.emplace([ledger = role.get()] { return ledger->Database(); });
  }
  return role;
}

absl::StatusOr<sql::Database*> ReportsRole::Database() {
  absl::MutexLock lock(&mutex_);
  if (database_ != nullptr) return database_.get();
  sql::DatabaseOptions database_options;
  database_options.url = options_.database_url;
  database_options.max_connections =
      options_.query_threads + options_.export_threads + (options_.watch_log_level ? 1 : 0);
  database_options.statement_timeout = options_.statement_timeout;
  QP_ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database,
                      sql::Database::Open(database_options));
  QP_RETURN_IF_ERROR(sql::Migrate(*database));
  database_ = std::move(database);
  return database_.get();
}

StreamService ReportsRole::service() {
  return {kServiceName, [this](StreamCalls* calls, grpc::ServerCompletionQueue* events) {
            AddTo(calls, events);
          }};
}

void ReportsRole::AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events) {
  const std::string prefix = std::string("/") + kServiceName + "/";
  const LedgerOf ledger = [this] { return Database(); };
  const auto add = [&](const char* method, const PrepareAnswer& prepare) {
    calls->Add(prefix + method, [this, prepare, events](StreamCall* call) {
      return HandleAnswer(prepare, &queries_, events, call);
    });
  };
  add("QueryUsage",
      Prepare<v1::QueryUsageRequest, v1::QueryUsageResponse>("QueryUsageRequest", ledger, Usage));
  add("ListTopSpenders", Prepare<v1::ListTopSpendersRequest, v1::ListTopSpendersResponse>(
                             "ListTopSpendersRequest", ledger, Spenders));
  add("ComparePeriods", Prepare<v1::ComparePeriodsRequest, v1::ComparePeriodsResponse>(
                            "ComparePeriodsRequest", ledger, Comparison));
  add("CloseMonth",
      Prepare<v1::CloseMonthRequest, v1::CloseMonthResponse>("CloseMonthRequest", ledger, Close));
  add("PreviewMonth", Prepare<v1::PreviewMonthRequest, v1::PreviewMonthResponse>(
                          "PreviewMonthRequest", ledger, Preview));
  add("ListStatements", Prepare<v1::ListStatementsRequest, v1::ListStatementsResponse>(
                            "ListStatementsRequest", ledger, List));
  const auto add_file = [&](const char* method, const PrepareStream& prepare) {
    calls->Add(prefix + method, [this, prepare, events](StreamCall* call) {
      return HandleStream(prepare, &exports_, events, call);
    });
  };
  add_file("ExportUsage", PrepareExportOf(ledger));
  add_file("GetStatement", PrepareFile<v1::GetStatementRequest>("GetStatementRequest", ledger));
  add_file("PreviewStatement",
           PrepareFile<v1::PreviewStatementRequest>("PreviewStatementRequest", ledger));
}

}  // namespace quotaplane
