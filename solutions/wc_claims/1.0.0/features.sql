-- One row of features per claim (record of the relation claim).
-- Parts of the body and causes are grouped by the last two digits of the codes that American insurers use; a cause may
-- also be a word. Diagnoses are grouped by the chapters of ICD-9 and ICD-10.
WITH claim_coded AS (
  SELECT
    claim.*,
    lower(claim_type_code) AS type_text,
    right('0' || body_part_code, 2) AS part,
    lower(cause_of_injury_code) AS cause_text,
    right('0' || cause_of_injury_code, 2) AS cause_code,
    upper(substr(icd_diagnosis_code, 1, 1)) AS icd_letter,
    substr(icd_diagnosis_code, 1, 3) AS icd_three,
    substr(primary_work_class_code, 1, 1) AS class_digit
  FROM claim
)
SELECT
  c.record AS record,
  CAST(c.claimant_age AS DOUBLE) AS claimant_age,
  coalesce(c.claimant_gender, 'U') AS gender,
  c.claimant_weight * 703 / nullif(c.claimant_height * c.claimant_height, 0) AS body_mass_index,
  upper(c.injured_worker_state) AS worker_state,
  CASE
    WHEN c.type_text LIKE '%med%' THEN 'medical only'
    WHEN c.type_text LIKE '%indem%' OR c.type_text LIKE '%lost time%' THEN 'indemnity'
    ELSE 'other' END AS claim_type,
  CASE
    WHEN c.part BETWEEN '10' AND '19' THEN 'head'
    WHEN c.part BETWEEN '20' AND '26' THEN 'neck'
    WHEN c.part BETWEEN '30' AND '39' THEN 'upper extremities'
    WHEN c.part BETWEEN '40' AND '49' OR c.part BETWEEN '60' AND '63' THEN 'trunk'
    WHEN c.part BETWEEN '50' AND '58' THEN 'lower extremities'
    WHEN c.part BETWEEN '90' AND '91' THEN 'multiple'
    WHEN c.part IS NOT NULL THEN 'other' END AS body_part,
  CASE
    WHEN c.cause_text LIKE '%burn%' OR c.cause_code BETWEEN '01' AND '09' THEN 'burn'
    WHEN c.cause_text LIKE '%caught%' OR c.cause_code BETWEEN '10' AND '13' THEN 'caught in'
    WHEN c.cause_text LIKE '%cut%' OR c.cause_code BETWEEN '15' AND '19' THEN 'cut'
    WHEN c.cause_text LIKE '%fall%' OR c.cause_text LIKE '%slip%' OR c.cause_code BETWEEN '25' AND '33' THEN 'fall or slip'
    WHEN c.cause_text LIKE '%vehicle%' OR c.cause_code BETWEEN '40' AND '50' THEN 'vehicle'
    WHEN c.cause_text LIKE '%strain%' OR c.cause_text LIKE '%lift%' OR c.cause_code BETWEEN '52' AND '61' THEN 'strain'
    WHEN c.cause_text LIKE '%struck%' OR c.cause_text LIKE '%strik%' OR c.cause_code BETWEEN '65' AND '81' THEN 'struck'
    WHEN c.cause_text IS NOT NULL THEN 'other' END AS cause,
  CASE
    WHEN c.icd_letter IN ('S', 'T') OR c.icd_three BETWEEN '800' AND '999' THEN 'injury'
    WHEN c.icd_letter = 'M' OR c.icd_three BETWEEN '710' AND '739' THEN 'muscles and bones'
    WHEN c.icd_letter = 'G' OR c.icd_three BETWEEN '320' AND '359' THEN 'nerves'
    WHEN c.icd_letter = 'F' OR c.icd_three BETWEEN '290' AND '319' THEN 'mind'
    WHEN c.icd_letter IN ('V', 'Z') THEN 'examination'
    WHEN c.icd_letter IS NOT NULL THEN 'other' END AS diagnosis,
  CASE c.class_digit
    WHEN '0' THEN 'agriculture'
    WHEN '1' THEN 'mining'
    WHEN '2' THEN 'food, textiles and wood'
    WHEN '3' THEN 'metal and machinery'
    WHEN '4' THEN 'chemicals, paper and minerals'
    WHEN '5' THEN 'construction'
    WHEN '6' THEN 'excavation and erection'
    WHEN '7' THEN 'transport and utilities'
    WHEN '8' THEN 'trade and offices'
    WHEN '9' THEN 'services' END AS industry,
  CAST(extract(month FROM c.date_of_injury) AS DOUBLE) AS injury_month,
  CAST(CASE WHEN c.litigation_flag THEN 1 WHEN NOT c.litigation_flag THEN 0 END AS DOUBLE) AS litigated,
  CAST(CASE WHEN c.modified_duty_available THEN 1 WHEN NOT c.modified_duty_available THEN 0 END AS DOUBLE)
    AS modified_duty,
  CAST(CASE WHEN c.officer_partner_owner THEN 1 WHEN NOT c.officer_partner_owner THEN 0 END AS DOUBLE) AS owner,
  CAST(CASE WHEN c.written_seatbelt_pol_in_place THEN 1 WHEN NOT c.written_seatbelt_pol_in_place THEN 0 END AS DOUBLE)
    AS seat_belt_policy,
  CAST(CASE WHEN c.wages_continued THEN 1 WHEN NOT c.wages_continued THEN 0 END AS DOUBLE) AS wages_continued,
  CAST(CASE WHEN c.were_safety_rules_violated THEN 1 WHEN NOT c.were_safety_rules_violated THEN 0 END AS DOUBLE)
    AS safety_rules_violated,
  c.written_premium AS written_premium,
  c.medical_loss_paid AS medical_paid,
  c.total_incurred AS total_incurred,
  c.outstanding_reserve AS reserve,
  c.outstanding_reserve / nullif(c.total_incurred, 0) AS reserve_share,
  c.medical_loss_paid / nullif(c.total_incurred, 0) AS medical_share
FROM claim_coded c
