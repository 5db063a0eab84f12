#pragma once

// Heat exchangers by effectiveness and number of transfer units (Incropera and DeWitt, Fundamentals
// of Heat and Mass Transfer, sec. 11.4). ntu = UA / C_min, z = C_min / C_max in 0..1.
namespace mw::models {

double counterflow_effectiveness(double ntu, double z);
double parallel_flow_effectiveness(double ntu, double z);
double crossflow_unmixed_effectiveness(double ntu, double z);
/// Crossflow with one side mixed: the one with the larger, or with the smaller, capacity flow.
double crossflow_cmax_mixed_effectiveness(double ntu, double z);
double crossflow_cmin_mixed_effectiveness(double ntu, double z);
/// One side boils or condenses (z = 0).
double phase_change_effectiveness(double ntu);

/// Inverses in ntu; the effectiveness must be reachable, otherwise the largest ntu (1000) is given.
double counterflow_ntu(double effectiveness, double z);
double crossflow_unmixed_ntu(double effectiveness, double z);

/// UA of two films in series, each following its own flow: hA = hA_0 (m/m_0)^n.
struct FilmPair {
  double first = 0;   // W/K at design
  double second = 0;  // W/K at design
};
/// Films that give `ua` together, with first = ratio * second.
FilmPair split_films(double ua, double first_over_second);
double series_conductance(double first, double second);

}  // namespace mw::models
