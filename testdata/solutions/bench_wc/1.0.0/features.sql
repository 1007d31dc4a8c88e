-- The 30 features that the peers' scripts of the end-to-end benchmark compute.
WITH sums AS (
  SELECT
    record,
    coalesce(SUM(payroll), 0.0) AS payroll_sum,
    MAX(payroll) AS payroll_max,
    AVG(payroll) AS payroll_mean,
    COUNT(*) AS n_class,
    COUNT(DISTINCT class_code) AS n_class_codes,
    COUNT(DISTINCT class_state) AS n_class_states,
    coalesce(SUM(ft_employees), 0) AS ft_sum,
    coalesce(SUM(pt_employees), 0) AS pt_sum,
    MAX(rate) AS rate_max,
    coalesce(SUM(rate * payroll), 0.0) AS rate_payroll,
    MAX(CASE hazard_group
    WHEN 'A' THEN 0.0
    WHEN 'B' THEN 1.0
    WHEN 'C' THEN 2.0
    WHEN 'D' THEN 3.0
    WHEN 'E' THEN 4.0
    WHEN 'F' THEN 5.0
    WHEN 'G' THEN 6.0
  END) AS hazard_max
  FROM class
  GROUP BY record
),
governing AS (
  SELECT record, class_code
  FROM (
    SELECT record, class_code, ROW_NUMBER() OVER (PARTITION BY record ORDER BY payroll DESC NULLS LAST) AS place FROM class
  ) AS placed
  WHERE place = 1
)
SELECT
  i.record AS record,
  CAST(CASE i.state
    WHEN 'CA' THEN 0.0
    WHEN 'TX' THEN 1.0
    WHEN 'FL' THEN 2.0
    WHEN 'NY' THEN 3.0
    WHEN 'PA' THEN 4.0
    WHEN 'IL' THEN 5.0
    WHEN 'OH' THEN 6.0
    WHEN 'GA' THEN 7.0
    WHEN 'NC' THEN 8.0
    WHEN 'MI' THEN 9.0
    WHEN 'NJ' THEN 10.0
    WHEN 'VA' THEN 11.0
    WHEN 'WA' THEN 12.0
    WHEN 'AZ' THEN 13.0
    WHEN 'MA' THEN 14.0
    WHEN 'TN' THEN 15.0
    WHEN 'IN' THEN 16.0
    WHEN 'MD' THEN 17.0
    WHEN 'MO' THEN 18.0
    WHEN 'WI' THEN 19.0
    WHEN 'CO' THEN 20.0
    WHEN 'MN' THEN 21.0
    WHEN 'SC' THEN 22.0
    WHEN 'AL' THEN 23.0
    WHEN 'LA' THEN 24.0
    WHEN 'KY' THEN 25.0
    WHEN 'OR' THEN 26.0
    WHEN 'OK' THEN 27.0
    WHEN 'CT' THEN 28.0
    WHEN 'UT' THEN 29.0
  END AS DOUBLE) AS state,
  CAST(CASE i.is_renewal WHEN 'N' THEN 0.0 WHEN 'Y' THEN 1.0 END AS DOUBLE) AS is_renewal,
  CAST(CASE i.prior_loss WHEN 'N' THEN 0.0 WHEN 'Y' THEN 1.0 END AS DOUBLE) AS prior_loss,
  CAST(i.employee_count AS DOUBLE) AS employee_count,
  CAST(i.years_in_business AS DOUBLE) AS years_in_business,
  i.experience_mod AS experience_mod,
  i.prior_premium AS prior_premium,
  CAST(i.claim_count_3y AS DOUBLE) AS claim_count_3y,
  i.incurred_3y AS incurred_3y,
  TRY_CAST(substr(i.agency_code, 2) AS DOUBLE) AS agency_code,
  TRY_CAST(substr(i.industry_code, 2) AS DOUBLE) AS industry_code,
  CAST(CASE i.entity_type
    WHEN 'LLC' THEN 0.0
    WHEN 'CORP' THEN 1.0
    WHEN 'SOLE' THEN 2.0
    WHEN 'PART' THEN 3.0
  END AS DOUBLE) AS entity_type,
  CAST(extract(month FROM i.effective_date) AS DOUBLE) AS eff_month,
  CAST((extract(dow FROM i.effective_date) + 6) % 7 AS DOUBLE) AS eff_dow,
  CAST(CAST(i.expiration_date AS INT) - CAST(i.effective_date AS INT) AS DOUBLE) AS term_days,
  s.payroll_sum AS payroll_sum,
  s.payroll_max AS payroll_max,
  s.payroll_mean AS payroll_mean,
  CAST(s.n_class AS DOUBLE) AS n_class,
  CAST(s.n_class_codes AS DOUBLE) AS n_class_codes,
  CAST(s.n_class_states AS DOUBLE) AS n_class_states,
  CAST(s.ft_sum AS DOUBLE) AS ft_sum,
  CAST(s.pt_sum AS DOUBLE) AS pt_sum,
  s.rate_max AS rate_max,
  s.rate_payroll / nullif(s.payroll_sum, 0.0) AS rate_wavg,
  s.hazard_max AS hazard_max,
  TRY_CAST(g.class_code AS DOUBLE) AS gov_class,
  s.payroll_max / nullif(s.payroll_sum, 0.0) AS gov_share,
  s.payroll_sum / nullif(i.employee_count, 0) AS payroll_per_emp,
  i.incurred_3y / nullif(i.prior_premium, 0.0) AS loss_ratio
FROM insured i
LEFT JOIN sums s ON s.record = i.record
LEFT JOIN governing g ON g.record = i.record
