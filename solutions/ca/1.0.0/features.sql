-- One row of features per policy term (record of the relation term).
WITH unit_classed AS (
  SELECT
    record,
    upper(unit_vin) AS vin,
    unit_model_year,
    garage_zip_code,
    unit_premium_initial_total AS premium,
    unit_premium_initial_liab AS premium_liability,
    CASE
      WHEN lower(unit_classification) LIKE '%tractor%' THEN 'tractor'
      WHEN lower(unit_classification) LIKE '%trailer%' THEN 'trailer'
      WHEN lower(unit_classification) LIKE '%truck%' THEN 'truck'
      WHEN lower(unit_classification) LIKE '%van%' THEN 'van'
      WHEN lower(unit_classification) LIKE '%bus' OR lower(unit_classification) LIKE '%bus %' THEN 'bus'
      WHEN lower(unit_classification) LIKE '%private%' OR lower(unit_classification) LIKE '%passenger%' THEN 'passenger'
      WHEN unit_classification IS NOT NULL THEN 'other' END AS kind
  FROM unit
),
unit_placed AS (
  SELECT
    record,
    kind,
    ROW_NUMBER() OVER (PARTITION BY record ORDER BY premium DESC NULLS LAST, vin, kind) AS place
  FROM unit_classed
),
largest AS (
  SELECT record, kind FROM unit_placed WHERE place = 1
),
unit_sums AS (
  SELECT
    u.record AS record,
    CAST(COUNT(*) AS DOUBLE) AS units,
    CAST(COUNT(DISTINCT u.garage_zip_code) AS DOUBLE) AS garages,
    SUM(u.premium) AS premium,
    SUM(u.premium_liability) AS premium_liability,
    AVG(CAST(extract(year FROM t.term_effective_date) AS DOUBLE) - CAST(u.unit_model_year AS DOUBLE)) AS age_average,
    MAX(CAST(extract(year FROM t.term_effective_date) AS DOUBLE) - CAST(u.unit_model_year AS DOUBLE)) AS age_highest,
    AVG(CAST(CASE WHEN u.kind IN ('truck', 'tractor', 'bus') THEN 1 ELSE 0 END AS DOUBLE)) AS heavy_share,
    AVG(CAST(CASE WHEN u.kind = 'trailer' THEN 1 ELSE 0 END AS DOUBLE)) AS trailer_share,
    AVG(CAST(CASE WHEN u.kind IN ('van', 'passenger') THEN 1 ELSE 0 END AS DOUBLE)) AS light_share,
    AVG(CAST(CASE WHEN length(u.vin) = 17 THEN 1 ELSE 0 END AS DOUBLE)) AS vin_complete_share,
    AVG(CAST(CASE
      WHEN u.garage_zip_code IS NULL THEN NULL
      WHEN substr(u.garage_zip_code, 1, 3) = substr(t.mailing_zip_code, 1, 3) THEN 0
      ELSE 1 END AS DOUBLE)) AS garaged_away_share
  FROM unit_classed u
  JOIN term t ON t.record = u.record
  GROUP BY u.record
),
term_counted AS (
  SELECT
    term.*,
    CAST(CASE WHEN available_history_liab_1 THEN 1 ELSE 0 END
      + CASE WHEN available_history_liab_2 THEN 1 ELSE 0 END
      + CASE WHEN available_history_liab_3 THEN 1 ELSE 0 END AS DOUBLE) AS known_terms,
    CAST(coalesce(claim_count_liab_1, 0)
      + coalesce(claim_count_liab_2, 0)
      + coalesce(claim_count_liab_3, 0) AS DOUBLE) AS known_claims
  FROM term
)
SELECT
  t.record AS record,
  CAST(CASE WHEN t.new_renew_flag = 'R' THEN 1 ELSE 0 END AS DOUBLE) AS is_renewal,
  upper(t.mailing_state_code) AS mailing_state,
  t.vehicle_size_primary AS vehicle_size,
  CAST(CASE WHEN t.dot_number IS NULL THEN 0 ELSE 1 END AS DOUBLE) AS has_dot_number,
  CAST(extract(month FROM t.term_effective_date) AS DOUBLE) AS effective_month,
  u.units AS units,
  u.units / CAST(nullif(t.units_total_1, 0) AS DOUBLE) AS units_growth,
  u.garages AS garages,
  u.premium AS premium_total,
  u.premium / u.units AS premium_per_unit,
  u.premium_liability / nullif(u.premium, 0) AS liability_share,
  u.age_average AS unit_age_average,
  u.age_highest AS unit_age_highest,
  u.heavy_share AS heavy_share,
  u.trailer_share AS trailer_share,
  u.light_share AS light_share,
  u.vin_complete_share AS vin_complete_share,
  u.garaged_away_share AS garaged_away_share,
  l.kind AS largest_unit_kind,
  CAST(t.claim_count_1 AS DOUBLE) AS claims_recent,
  CAST(t.claim_count_1 AS DOUBLE) / u.units AS claims_recent_per_unit,
  t.known_terms AS liability_terms,
  CASE WHEN t.known_terms > 0 THEN t.known_claims END AS liability_claims,
  t.known_claims / nullif(t.known_terms * u.units, 0) AS liability_claims_per_unit
FROM term_counted t
LEFT JOIN unit_sums u ON u.record = t.record
LEFT JOIN largest l ON l.record = t.record
