// Package encode predicts from features: responses, by the linear encoding model of neuroimaging (Naselaris et al. 2011), and
// classes, by the linear probe of representation learning.
//
// FitProbe is a shrunken linear discriminant. It has a closed form, so that there is no optimiser to tune and no step at which
// to stop; docs/rationale.md compares it with logistic regression and with ridge regression to 0 and 1.
//
// Ridge minimises |Y - XW - b|² + α|W|² for every target, b not penalised, and chooses α for each target by
// cross-validation over given folds. One eigendecomposition a fold serves all α: of the covariance of the features
// where there are more rows than features, of the kernel of the rows otherwise (Hoerl and Kennard 1970; the kernel form as
// in Dupré la Tour et al. 2022).
//
// # Invariants
//
//   - Features are centred by the mean of the training rows of each fold, never of held-out ones.
//   - Scores are coefficients of determination on held-out rows, averaged over folds; a constant target scores 0.
//   - Results do not depend on the number of threads.
//
// # Limits
//
// All of X is held in float64. Features are not scaled: a caller who wants that divides them by their deviation first.
package encode
