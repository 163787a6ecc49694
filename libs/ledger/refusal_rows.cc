#include "libs/ledger/refusal_rows.h"

#include <array>

#include "libs/ledger/ledger_rows.h"

namespace quotaplane {
namespace {

using sql::Type;

sql::Batch Rollup(std::string_view table) {
  sql::Batch rollup = RollupBatch(table);
  rollup.columns.push_back({"denied"});
  return rollup;
}

}  // namespace

Digest RefusalBatchKey(const RefusalBatch& batch) {
  FieldBuffer fields;
  return fields.Add(batch.org).Add(batch.id).digest();
}

RefusalRows::RefusalRows(int64_t recorded_at_us)
    : recorded_at_us_(recorded_at_us),
      refusals_{"ledger_refusals",
                {{"batch_key", Type::kBytes},
                 {"line"},
                 {"org", Type::kText},
                 {"occurred_at_us"},
                 {"recorded_at_us"},
                 {"model", Type::kText},
                 {"team", Type::kText},
                 {"project", Type::kText},
                 {"user_name", Type::kText},
                 {"api_key", Type::kText},
                 {"labels", Type::kText},
                 {"cost_center", Type::kText},
                 {"denied"}},
                {}},
      rollup_hour_(Rollup("rollup_hour")),
      rollup_day_(Rollup("rollup_day")) {}

void RefusalRows::Add(const RefusalLine& line, int index, std::string_view batch_key,
                      std::string_view cost_center) {
  const Subject& subject = line.subject;
  const std::string_view labels = labels_.emplace_back(LabelsJson(subject.labels));
  const std::array<sql::Value, 13> row = {sql::Bytes{batch_key},
                                          index,
                                          subject.org,
                                          line.minute_us,
                                          recorded_at_us_,
                                          subject.model,
                                          subject.team,
                                          subject.project,
                                          subject.user,
                                          subject.api_key,
                                          labels,
                                          cost_center,
                                          line.count};
  refusals_.values.insert(refusals_.values.end(), row.begin(), row.end());
}

void RefusalRows::AddToRollups(const RefusalLine& line, std::string_view cost_center) {
  const Subject& subject = line.subject;
  for (const auto& [rollup, bucket_us] : {std::pair(&rollup_hour_, HourOf(line.minute_us)),
                                          std::pair(&rollup_day_, DayOf(line.minute_us))}) {
    const std::array<sql::Value, 13> row = {subject.org,
                                            bucket_us,
                                            cost_center,
                                            subject.team,
                                            subject.project,
                                            subject.user,
                                            subject.model,
                                            "",
                                            0,
                                            0,
                                            0,
                                            0,
                                            line.count};
    rollup->values.insert(rollup->values.end(), row.begin(), row.end());
  }
}

}  // namespace quotaplane
