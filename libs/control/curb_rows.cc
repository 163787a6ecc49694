#include "libs/control/curb_rows.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/base/status_macros.h"
#include "libs/control/store_rules.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using Json = nlohmann::json;

constexpr absl::string_view kColumns =
    "alert, is_freeze, share_permille, scope, limit_id, from_us, until_us";

Json ScopeJson(const Curb& curb) {
  Json scope = Json::object();
  for (const auto& [dimension, value] : curb.scope) scope[dimension.ToString()] = value;
  return scope;
}

// What WriteCurb has written.
absl::Status ReadScope(std::string_view text, Curb* curb) {
  const Json scope = Json::parse(text, nullptr, false);
  if (!scope.is_object()) return absl::DataLossError("a curb's scope cannot be read");
  for (const auto& [name, value] : scope.items()) {
    absl::StatusOr<Dimension> dimension = ParseDimension(name);
    if (!dimension.ok() || !value.is_string()) {
      return absl::DataLossError("a curb's scope cannot be read");
    }
    curb->scope.emplace_back(*std::move(dimension), value.get<std::string>());
  }
  return absl::OkStatus();
}

absl::StatusOr<Curb> CurbOf(const sql::Row& row) {
  Curb curb;
  std::string_view scope;
  int64_t freeze = 0, share_permille = 0;
  QP_RETURN_IF_ERROR(row.Read(curb.alert, freeze, share_permille, scope, curb.limit_id,
                              curb.from_us, curb.until_us));
  curb.freeze = freeze != 0;
  curb.share_permille = static_cast<int>(share_permille);
  QP_RETURN_IF_ERROR(ReadScope(scope, &curb));
  return curb;
}

size_t CountShapes(const std::vector<Curb>& curbs) {
  std::set<std::vector<Dimension>> shapes;
  for (const Curb& curb : curbs) {
    std::vector<Dimension> shape;
    for (const auto& [dimension, value] : curb.scope) shape.push_back(dimension);
    std::sort(shape.begin(), shape.end());
    shapes.insert(std::move(shape));
  }
  return shapes.size();
}

}  // namespace

absl::Status WriteCurb(sql::Session& session, const std::string& org, const Curb& curb,
                       int64_t number) {
  return session
      .Execute({"write curb",
                absl::StrCat("INSERT INTO curbs (org, ", kColumns,
                             ", change_number) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                             "ON CONFLICT (org, alert) DO UPDATE SET is_freeze = $3, "
                             "share_permille = $4, scope = $5, limit_id = $6, from_us = $7, "
                             "until_us = $8, change_number = $9")},
               {org, curb.alert, int64_t{curb.freeze}, int64_t{curb.share_permille},
                ScopeJson(curb).dump(), curb.limit_id, curb.from_us, curb.until_us, number})
      .status();
}

absl::Status DeleteCurb(sql::Session& session, const std::string& org, int64_t alert) {
  return session
      .Execute({"delete curb", "DELETE FROM curbs WHERE org = $1 AND alert = $2"}, {org, alert})
      .status();
}

absl::StatusOr<std::optional<Curb>> ReadCurb(sql::Session& session, const std::string& org,
                                             int64_t alert, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"curb", absl::StrCat("SELECT ", kColumns,
                                          " FROM curbs WHERE org = $1 AND alert = $2 AND "
                                          "until_us > $3")},
                    {org, alert, now_us}));
  if (rows.empty()) return std::optional<Curb>();
  QP_ASSIGN_OR_RETURN(Curb curb, CurbOf(rows[0]));
  return std::optional<Curb>(std::move(curb));
}

absl::StatusOr<std::vector<Curb>> ReadCurbs(sql::Session& session, const std::string& org,
                                            int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"curbs", absl::StrCat("SELECT ", kColumns,
                                                           " FROM curbs WHERE org = $1 AND "
                                                           "until_us > $2 ORDER BY alert")},
                                    {org, now_us}));
  std::vector<Curb> curbs;
  curbs.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    QP_ASSIGN_OR_RETURN(Curb curb, CurbOf(rows[i]));
    curbs.push_back(std::move(curb));
  }
  return curbs;
}

absl::StatusOr<int64_t> EraseFromCurbs(sql::Session& session, const std::string& org,
                                       const std::string& user, const std::string& pseudonym) {
  // All of the org's: they are few, and written as one item anyhow.
  QP_ASSIGN_OR_RETURN(std::vector<Curb> curbs, ReadCurbs(session, org, 0));
  int64_t changed = 0;
  for (Curb& curb : curbs) {
    bool found = false;
    for (auto& [dimension, value] : curb.scope) {
      const bool may_name = dimension.kind == DimensionKind::kUser ||
                            dimension.kind == DimensionKind::kApiKey ||
                            dimension.kind == DimensionKind::kLabel;
      if (!may_name || value != user) continue;
      value = pseudonym;
      found = true;
    }
    if (!found) continue;
    QP_RETURN_IF_ERROR(
        session
            .Execute({"erase curb", "UPDATE curbs SET scope = $3 WHERE org = $1 AND alert = $2"},
                     {org, curb.alert, ScopeJson(curb).dump()})
            .status());
    ++changed;
  }
  return changed;
}

std::string CurbJson(const Curb& curb) {
  Json json = {{"alert", AlertName(curb.alert)},
               {"action", curb.freeze ? "freeze" : "throttle"},
               {"scope", ScopeJson(curb)},
               {"from", FormatUtc(curb.from_us)},
               {"until", FormatUtc(curb.until_us)}};
  if (!curb.freeze) json["share_permille"] = curb.share_permille;
  if (!curb.limit_id.empty()) json["limit"] = curb.limit_id;
  return json.dump();
}

absl::StatusOr<ChangeRecord::ItemWrite> MakeCurbsItem(sql::Session& session, const ItemCodec& codec,
                                                      const std::string& org, int64_t now_us) {
  QP_RETURN_IF_ERROR(
      session
          .Execute({"drop ended curbs", "DELETE FROM curbs WHERE org = $1 AND until_us <= $2"},
                   {org, now_us})
          .status());
  CurbsItem item;
  item.org = org;
  QP_ASSIGN_OR_RETURN(item.curbs, ReadCurbs(session, org, now_us));
  if (item.curbs.size() > kMaxCurbsPerOrg) {
    return TooMany(absl::StrCat("at most ", kMaxCurbsPerOrg,
                                " scopes of an org may be frozen or throttled at once"));
  }
  if (CountShapes(item.curbs) > kMaxCurbShapes) {
    return TooMany(absl::StrCat("scopes that are frozen or throttled may have at most ",
                                kMaxCurbShapes, " different sets of dimensions in an org"));
  }
  // What has begun holds from when a replica knows it, whatever its clock.
  for (Curb& curb : item.curbs) {
    if (curb.from_us <= now_us) curb.from_us = 0;
  }
  return ChangeRecord::ItemWrite{CurbsItemName(org),
                                 item.curbs.empty() ? std::string() : codec.EncodeCurbs(item)};
}

}  // namespace quotaplane
