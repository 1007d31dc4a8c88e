-- The model judges one vehicle in one period. A term is scored by its main unit: the one longest at risk; of several,
-- the one with the lowest number.
WITH unit_placed AS (
  SELECT
    unit.*,
    ROW_NUMBER() OVER (PARTITION BY record ORDER BY exposure DESC, unitno) AS place
  FROM unit
)
SELECT
  t.record AS record,
  u.exposure AS exposure,
  CAST(t.unitcount AS DOUBLE) AS unitcount,
  CAST(u.vehiclnb AS DOUBLE) AS vehiclnb,
  t.companycreation AS companycreation,
  t.fleetmgt AS fleetmgt,
  t.fleetsizecateg AS fleetsizecateg,
  t.area AS area,
  t.businesstype AS businesstype,
  t.channeldist AS channeldist,
  t.payfreq AS payfreq,
  u.policyagecateg AS policyagecateg,
  u.policycateg AS policycateg,
  u.vehiclage AS vehiclage,
  u.vehiclpower AS vehiclpower,
  u.deduc AS deduc,
  u.suminsured AS suminsured
FROM term t
LEFT JOIN unit_placed u ON u.record = t.record AND u.place = 1
