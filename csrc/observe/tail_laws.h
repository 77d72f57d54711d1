#pragma once
// How often chance alone would give at least so much: upper tails of the laws that distances follow
// while nothing has changed. Pure; every answer lies in 0..1, and is 1 where nothing was seen.

namespace mlops {

// P(chi-squared with df degrees of freedom >= x). 1 for df <= 0.
double chi_squared_tail(double x, double df);

// Kolmogorov's limit law, with Stephens's (1970) correction for few rows. `effective` is
// n m / (n + m).
double kolmogorov_tail(double distance, double effective);

// The same of Kuiper's V = D+ + D-.
double kuiper_tail(double distance, double effective);

// Of the two-sample Cramer-von Mises statistic T of m and n rows, by its limit law after matching
// mean and variance, as Anderson (1962) proposes. Ties make it a little too cautious.
double cramer_von_mises_tail(double statistic, double m, double n);

}  // namespace mlops
