#pragma once
#include <optional>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// A controller that moves its output by gain x (change of the error + error x time / reset).
struct PiParameters {
  double gain = 0;  // output per unit of error
  sim::Seconds reset{1};
};
template <sim::Describes<PiParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("gain", self.gain, About{.text = "Output per unit of the error", .min = 0, .max = 100});
  visit("reset", self.reset,
        About{.text = "Time in which a constant error moves the output once more by that",
              .min = 0.1,
              .max = 1e5});
}

/// How the plant is divided and what it holds: what counts only where it is followed in time.
/// Defaults are engineering values of this project, all assumed.
struct LoopsParameters {
  int cdus = 4;
  int spare_cdus = 1;
  int spare_pumps = 1;
  int fws_pumps = 3;
  int fws_spare_pumps = 1;
  sim::Seconds takeover{3};
  sim::Sourced<double> shut_off_head{1.3, sim::Confidence::assumed,
                                     "Millwright: centrifugal pumps 1.2-1.4"};
  double most_speed = 1.1;
  sim::Sourced<sim::VolumePerPower> tcs_volume{
      {1e-6}, sim::Confidence::assumed, "Millwright: 1 L/kW in pipes and CDUs, racks apart"};
  sim::Sourced<sim::VolumePerPower> fws_volume{
      {4e-6}, sim::Confidence::assumed, "Millwright: 4 L/kW in pipes and dry coolers"};
  sim::Volume buffer{0};
  sim::Seconds interval{1};
  PiParameters pump_speed{0.1, {1}};
  PiParameters valve{0.03, {20}};
  PiParameters rejection{0.03, {60}};
  sim::TemperatureDifference dew_point_margin{2};
};
template <sim::Describes<LoopsParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit(
      "cdus", self.cdus,
      About{.text = "CDUs of one loop of racks: racks are dealt to as few loops as these can carry",
            .min = 1,
            .max = 1000});
  visit("spare_cdus", self.spare_cdus,
        About{.text = "CDUs of each loop that stand by", .min = 0, .max = 100});
  visit("spare_pumps", self.spare_pumps,
        About{.text = "Pumps of each CDU that stand by", .min = 0, .max = 10});
  visit("fws_pumps", self.fws_pumps,
        About{.text = "Pumps of the facility water, beside those that stand by",
              .min = 1,
              .max = 1000});
  visit("fws_spare_pumps", self.fws_spare_pumps,
        About{.text = "Pumps of the facility water that stand by", .min = 0, .max = 100});
  visit(
      "takeover", self.takeover,
      About{
          .text = "Time until what stands by runs in place of what failed", .min = 0, .max = 600});
  visit(
      "shut_off_head", self.shut_off_head,
      About{.text = "Head of a pump without flow over its head at design", .min = 1.01, .max = 5});
  visit("most_speed", self.most_speed,
        About{.text = "Highest pump speed over that at design", .min = 1, .max = 2});
  visit("tcs_volume", self.tcs_volume,
        About{.text = "Coolant in the pipes and CDUs of the racks' loops per design heat",
              .min = 1e-8,
              .max = 1e-3});
  visit(
      "fws_volume", self.fws_volume,
      About{
          .text = "Facility water in pipes and coolers per design heat", .min = 1e-8, .max = 1e-3});
  visit("buffer", self.buffer,
        About{.text = "Tank in the supply of the facility water; 0: none", .min = 0});
  visit("interval", self.interval,
        About{.text = "Time between turns of the plant's controllers", .min = 0.1, .max = 60});
  visit(
      "pump_speed", self.pump_speed,
      About{.text = "Speed of the loops' pumps by the pressure over the racks (or the CDUs), as a "
                    "share of its design"});
  visit("valve", self.valve,
        About{.text = "Facility water of a loop's CDUs, as a share of its design, by the coolant "
                      "supply in K"});
  visit(
      "rejection", self.rejection,
      About{.text = "Fans, then trim chillers (each as a share of what there is), by the facility "
                    "water supply in K"});
  visit(
      "dew_point_margin", self.dew_point_margin,
      About{.text = "The coolant is never let nearer to the dew point of the air around the racks",
            .min = 0,
            .max = 20});
}

}  // namespace mw::models
