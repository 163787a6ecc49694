#include "services/admin/state_calls.h"

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "services/admin/state_convert.h"

namespace quotaplane {
namespace {

// Rows that a watcher gets from the database at a time.
constexpr size_t kWatchRows = 200;
// How soon a watcher that waits finds out that its client is gone, or the server goes.
constexpr absl::Duration kWatchPause = absl::Milliseconds(250);
// Then it is asked again who calls: a token may have been withdrawn meanwhile.
constexpr absl::Duration kWatchFor = absl::Minutes(10);

void Answer(const StoredPriceBook& book, v1::PriceBookVersion* response) {
  ToProto(book, response);
  response->clear_yaml();  // whoever wrote it has it
}

// Tokens are ours: a number is what is in them.
int64_t NumberOf(const std::string& after) {
  int64_t number = 0;
  return absl::SimpleAtoi(after, &number) ? number : 0;
}

}  // namespace

absl::Status CreatePriceBook(AdminCall& call, const v1::CreatePriceBookRequest& request,
                             v1::PriceBookVersion* response) {
  const ChangeRequest change = ChangeOf(call, request);
  return MakeChange(
      call, change, "price_book",
      [&](const OpenChange& open) { return call.parts.prices->Create(open, request.yaml()); },
      Answer, response);
}

absl::Status GetPriceBook(AdminCall& call, const v1::GetPriceBookRequest& request,
                          v1::PriceBookVersion* response) {
  QP_ASSIGN_OR_RETURN(const StoredPriceBook book,
                      call.parts.prices->Get(*call.parts.database, request.number(), call.now_us));
  ToProto(book, response);
  return absl::OkStatus();
}

absl::Status ListPriceBooks(AdminCall& call, const v1::ListPriceBooksRequest& request,
                            v1::ListPriceBooksResponse* response) {
  const Page page = PageOf(request);
  QP_ASSIGN_OR_RETURN(const std::vector<StoredPriceBook> found,
                      call.parts.prices->List(*call.parts.database, NumberOf(page.after),
                                              page.size + 1, call.now_us));
  response->set_next_page_token(FillPage(
      found, page,
      [&](const StoredPriceBook& book) {
        v1::PriceBookVersion* const added = response->add_price_books();
        ToProto(book, added);
        return added;
      },
      [](const StoredPriceBook& book) { return absl::StrCat(book.number); }));
  return absl::OkStatus();
}

absl::Status ActivatePriceBook(AdminCall& call, const v1::ActivatePriceBookRequest& request,
                               v1::PriceBookVersion* response) {
  const ChangeRequest change = ChangeOf(call, request);
  return MakeChange(
      call, change, TargetOf(request),
      [&](const OpenChange& open) {
        return call.parts.prices->Activate(open, request.number(), request.etag(),
                                           ActiveFromOf(request));
      },
      Answer, response);
}

absl::Status ExportState(AdminCall& call, const v1::ExportStateRequest& request,
                         v1::ExportStateResponse* response) {
  QP_ASSIGN_OR_RETURN(*response->mutable_yaml(),
                      call.parts.state->Export(*call.parts.database, request.org(), call.now_us));
  return absl::OkStatus();
}

absl::Status ApplyState(AdminCall& call, const v1::ApplyStateRequest& request,
                        v1::ApplyStateResponse* response) {
  const ChangeRequest change = ChangeOf(call, request);
  QP_ASSIGN_OR_RETURN(const StateDocument document, DocumentOf(request));
  if (request.dry_run()) {
    QP_ASSIGN_OR_RETURN(const StatePlan plan,
                        call.parts.state->Plan(*call.parts.database, change, document));
    ToProto(plan, response);
    return absl::OkStatus();
  }
  return MakeChange(
      call, change, "state",
      [&](const OpenChange& open) { return call.parts.state->Apply(open, document); },
      [](const StatePlan& plan, v1::ApplyStateResponse* answer) { ToProto(plan, answer); },
      response);
}

absl::Status ListAudit(AdminCall& call, const v1::ListAuditRequest& request,
                       v1::ListAuditResponse* response) {
  Page page = PageOf(request);
  page.size = std::min(page.size, AuditLog::kMaxPageRows - 1);
  AuditQuery query = QueryOf(request);
  query.after_number = std::max(query.after_number, NumberOf(page.after));
  // The head first: rows up to it are there, whatever is written meanwhile.
  QP_ASSIGN_OR_RETURN(const AuditHead head, call.parts.audit->Head(query.org));
  QP_ASSIGN_OR_RETURN(const std::vector<AuditRow> found,
                      call.parts.audit->Read(query, page.size + 1));
  response->set_next_page_token(FillPage(
      found, page,
      [&](const AuditRow& row) {
        v1::AuditRow* const added = response->add_rows();
        ToProto(row, added);
        return added;
      },
      [](const AuditRow& row) { return absl::StrCat(row.number); }));
  response->set_last_number(head.number);
  response->set_last_hash(absl::BytesToHexString(head.hash));
  return absl::OkStatus();
}

absl::Status WatchAudit(AdminCall& call, const v1::WatchAuditRequest& request,
                        const SendChunk& send) {
  AuditQuery query;
  query.org = request.org();
  query.after_number = request.after_number();
  const absl::Time until = absl::FromUnixMicros(call.now_us) + kWatchFor;
  while (absl::Now() < until) {
    QP_ASSIGN_OR_RETURN(const std::vector<AuditRow> rows,
                        call.parts.audit->Read(query, kWatchRows));
    for (const AuditRow& row : rows) {
      auto message = std::make_unique<v1::AuditRow>();
      ToProto(row, message.get());
      QP_RETURN_IF_ERROR(send(std::move(message)));
      query.after_number = row.number;
    }
    if (!rows.empty()) continue;
    QP_RETURN_IF_ERROR(send(nullptr));
    absl::SleepFor(kWatchPause);
  }
  return ReasonedError(absl::StatusCode::kUnavailable, "WATCH_ENDED",
                       "it was watched for 10 minutes; call again from the last number");
}

}  // namespace quotaplane
