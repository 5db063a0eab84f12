#pragma once
#include <string>
#include <vector>

#include "models/training/pipeline_frontier.hpp"

namespace mw::analysis {

/// Measured (or planned) ops of a pipeline: a CSV table with the columns `stage`, `instruction`,
/// `frequency` (MHz), `time` (s) and `energy` (J), one row for each clock, as Perseus writes them.
/// Stages count from 0. What cannot be used is a sim::InputError with its line.
std::vector<models::OpTable> read_op_profile(const std::string& file);

/// Stages that the tables name.
std::int32_t stages_of(const std::vector<models::OpTable>& tables);

/// Refuses, with what is missing, tables that leave an op of the schedule without choices.
void check_complete(const models::PipelineCosts& costs, const std::string& file);

}  // namespace mw::analysis
