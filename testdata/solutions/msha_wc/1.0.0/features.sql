-- The hours by class become one share per class; a class that is not there has the share 0. 2,000 hours are one
-- full-time equivalent.
WITH shares AS (
  SELECT
    record,
    SUM(CASE WHEN class_code = 'AUGER' THEN pct_hrs ELSE 0 END) AS pct_auger,
    SUM(CASE WHEN class_code = 'CULM_BANK' THEN pct_hrs ELSE 0 END) AS pct_culm_bank,
    SUM(CASE WHEN class_code = 'DREDGE' THEN pct_hrs ELSE 0 END) AS pct_dredge,
    SUM(CASE WHEN class_code = 'MILL_PREP' THEN pct_hrs ELSE 0 END) AS pct_mill_prep,
    SUM(CASE WHEN class_code = 'OFFICE' THEN pct_hrs ELSE 0 END) AS pct_office,
    SUM(CASE WHEN class_code = 'OTHER_SURFACE' THEN pct_hrs ELSE 0 END) AS pct_other_surface,
    SUM(CASE WHEN class_code = 'SHOP_YARD' THEN pct_hrs ELSE 0 END) AS pct_shop_yard,
    SUM(CASE WHEN class_code = 'STRIP' THEN pct_hrs ELSE 0 END) AS pct_strip,
    SUM(CASE WHEN class_code = 'SURFACE' THEN pct_hrs ELSE 0 END) AS pct_surface,
    SUM(CASE WHEN class_code = 'UNDERGROUND' THEN pct_hrs ELSE 0 END) AS pct_underground
  FROM class
  GROUP BY record
)
SELECT
  i.record AS record,
  CAST(i."year" AS DOUBLE) AS "year",
  CAST(i.seam_height AS DOUBLE) AS seam_height,
  CAST(i.avg_emp_total AS DOUBLE) AS avg_emp_total,
  CAST(i.emp_hrs_total AS DOUBLE) / 2000 AS fte,
  coalesce(s.pct_auger, 0) AS pct_auger,
  coalesce(s.pct_culm_bank, 0) AS pct_culm_bank,
  coalesce(s.pct_dredge, 0) AS pct_dredge,
  coalesce(s.pct_mill_prep, 0) AS pct_mill_prep,
  coalesce(s.pct_office, 0) AS pct_office,
  coalesce(s.pct_other_surface, 0) AS pct_other_surface,
  coalesce(s.pct_shop_yard, 0) AS pct_shop_yard,
  coalesce(s.pct_strip, 0) AS pct_strip,
  coalesce(s.pct_surface, 0) AS pct_surface,
  coalesce(s.pct_underground, 0) AS pct_underground,
  i.us_state AS us_state,
  i.commodity AS commodity,
  i."primary" AS "primary",
  i.type_of_mine AS type_of_mine,
  i.mine_status AS mine_status
FROM insured i
LEFT JOIN shares s ON s.record = i.record
