-- One row of features per policy term (record of the relation insured).
-- Rates are round figures per 100 dollars of payroll by the first digit of the class code, made for the demonstration;
-- they are no bureau's rates.
WITH class_rated AS (
  SELECT
    record,
    class_code,
    upper(state_code) AS state_code,
    payroll_amount_initial AS payroll,
    CAST(CASE
      WHEN class_code = '8810' THEN 0.2
      WHEN class_code = '8742' THEN 0.4
      ELSE CASE substr(class_code, 1, 1)
        WHEN '0' THEN 6.5
        WHEN '1' THEN 5.0
        WHEN '2' THEN 4.0
        WHEN '3' THEN 3.2
        WHEN '4' THEN 2.8
        WHEN '5' THEN 8.5
        WHEN '6' THEN 7.0
        WHEN '7' THEN 5.5
        WHEN '8' THEN 1.8
        ELSE 2.6 END
      END AS DOUBLE) AS rate,
    ROW_NUMBER() OVER (
      PARTITION BY record ORDER BY payroll_amount_initial DESC NULLS LAST, class_code, state_code
    ) AS place
  FROM class
),
class_sums AS (
  SELECT
    record,
    COUNT(*) AS class_rows,
    COUNT(DISTINCT state_code) AS states,
    SUM(payroll) AS payroll_total,
    MAX(payroll) AS payroll_largest,
    SUM(CASE WHEN class_code IN ('8810', '8742') THEN payroll ELSE 0 END) AS payroll_clerical,
    SUM(CASE WHEN substr(class_code, 1, 1) IN ('5', '6') THEN payroll ELSE 0 END) AS payroll_construction,
    SUM(payroll * rate) / 100 AS premium_manual,
    MAX(rate) AS rate_highest,
    MIN(rate) AS rate_lowest
  FROM class_rated
  GROUP BY record
),
governing AS (
  SELECT
    record,
    rate,
    CASE substr(class_code, 1, 1)
      WHEN '0' THEN 'agriculture'
      WHEN '1' THEN 'mining'
      WHEN '2' THEN 'food, textiles and wood'
      WHEN '3' THEN 'metal and machinery'
      WHEN '4' THEN 'chemicals, paper and minerals'
      WHEN '5' THEN 'construction'
      WHEN '6' THEN 'excavation and erection'
      WHEN '7' THEN 'transport and utilities'
      WHEN '8' THEN 'trade and offices'
      ELSE 'services' END AS industry
  FROM class_rated
  WHERE place = 1
),
history AS (
  SELECT
    record,
    CAST(CASE WHEN available_history_1 THEN 1 ELSE 0 END
      + CASE WHEN available_history_2 THEN 1 ELSE 0 END
      + CASE WHEN available_history_3 THEN 1 ELSE 0 END AS DOUBLE) AS terms,
    CAST(coalesce(non_zero_claim_count_1, 0)
      + coalesce(non_zero_claim_count_2, 0)
      + coalesce(non_zero_claim_count_3, 0) AS DOUBLE) AS claims
  FROM insured
)
SELECT
  i.record AS record,
  i.experience_mod_factor_initial AS experience_mod,
  CAST(CASE WHEN i.new_renew_flag = 'R' THEN 1 ELSE 0 END AS DOUBLE) AS is_renewal,
  coalesce(i.audit_method_code, 'P') AS audit_method,
  upper(i.policy_state_code) AS policy_state,
  CAST(extract(month FROM i.term_effective_date) AS DOUBLE) AS effective_month,
  h.terms AS history_terms,
  CASE WHEN h.terms > 0 THEN h.claims END AS claims_total,
  h.claims / nullif(h.terms, 0) AS claims_per_term,
  CAST(i.non_zero_claim_count_1 AS DOUBLE) AS claims_recent,
  h.claims * 1000000 / nullif(h.terms * c.payroll_total, 0) AS claims_per_million_payroll,
  c.payroll_total AS payroll_total,
  CAST(c.class_rows AS DOUBLE) AS class_rows,
  CAST(c.states AS DOUBLE) AS states,
  c.payroll_largest / nullif(c.payroll_total, 0) AS governing_share,
  c.payroll_clerical / nullif(c.payroll_total, 0) AS clerical_share,
  c.payroll_construction / nullif(c.payroll_total, 0) AS construction_share,
  g.industry AS governing_industry,
  g.rate AS governing_rate,
  c.premium_manual * 100 / nullif(c.payroll_total, 0) AS rate_average,
  c.rate_highest AS rate_highest,
  c.rate_highest - c.rate_lowest AS rate_spread,
  c.premium_manual AS premium_manual,
  c.premium_manual * i.experience_mod_factor_initial AS premium_modified,
  c.premium_manual * c.payroll_clerical / nullif(c.payroll_total, 0) AS premium_at_clerical_share,
  c.premium_manual * c.payroll_construction / nullif(c.payroll_total, 0) AS premium_at_construction_share
FROM insured i
LEFT JOIN class_sums c ON c.record = i.record
LEFT JOIN governing g ON g.record = i.record
LEFT JOIN history h ON h.record = i.record
