#include "libs/control/item_source.h"

#include <utility>

#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

absl::StatusOr<int64_t> Number(sql::Session& session, const sql::Statement& statement,
                               absl::Span<const sql::Value> parameters = {}) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, session.Query(statement, parameters));
  int64_t number = 0;
  QP_RETURN_IF_ERROR(rows[0].Read(number));
  return number;
}

}  // namespace

absl::StatusOr<std::vector<ControlItem>> ItemSource::Read(const ItemCursor& after) const {
  std::vector<ControlItem> page;
  size_t bytes = 0;
  bool full = false;
  const absl::Status read = database_->Stream(
      {"items",
       "SELECT name, number, body FROM control_items WHERE (number, name) > ($1, $2) "
       "ORDER BY number, name LIMIT $3"},
      {after.number, after.name, static_cast<int64_t>(kMaxPageItems)},
      [&](const sql::Row& row) -> absl::Status {
        ControlItem item;
        sql::Bytes body;
        QP_RETURN_IF_ERROR(row.Read(item.name, item.number, body));
        full = !page.empty() && bytes + body.data.size() > kMaxPageBytes;
        if (full) return absl::CancelledError("the page is full");
        bytes += body.data.size();
        item.body = body.data;
        page.push_back(std::move(item));
        return absl::OkStatus();
      });
  if (!read.ok() && !full) return read;
  return page;
}

absl::StatusOr<int64_t> ItemSource::LastNumber() const {
  return Number(*database_, {"last item", "SELECT COALESCE(MAX(number), 0) FROM control_items"});
}

absl::StatusOr<int64_t> ItemSource::CountAfter(const ItemCursor& after) const {
  return Number(
      *database_,
      {"items waiting", "SELECT COUNT(*) FROM control_items WHERE (number, name) > ($1, $2)"},
      {after.number, after.name});
}

}  // namespace quotaplane
