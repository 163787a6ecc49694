// Tables that are not those that the program knows.
#pragma once

#include "absl/status/status.h"

namespace quotaplane::sql {

// Whether a statement and the tables do not fit together, whatever its values are: a table or a
// column that is not there, or a column that has to have a value and that the statement does not
// know. So it is where another version of the program has changed the schema meanwhile.
bool SchemaDiffers(const absl::Status& status);

}  // namespace quotaplane::sql
