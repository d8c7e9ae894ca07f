// Where the sun stands: day, night and twilight for rules.

/** Degrees above the horizon, to about 0.3° (low-precision solar coordinates, Astronomical Almanac C5). */
export function sunElevation(wallMs: number, latitude: number, longitude: number): number {
  const radians = Math.PI / 180;
  const days = wallMs / 86_400_000 - 10_957.5;
  const meanLongitude = 280.46 + 0.985_647_4 * days;
  const anomaly = (357.528 + 0.985_600_3 * days) * radians;
  const ecliptic =
    (meanLongitude + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * radians;
  const tilt = (23.439 - 0.000_000_4 * days) * radians;
  const declination = Math.asin(Math.sin(tilt) * Math.sin(ecliptic));
  const ascension = Math.atan2(Math.cos(tilt) * Math.sin(ecliptic), Math.cos(ecliptic));
  const sidereal = (280.460_618_37 + 360.985_647_366_29 * days + longitude) * radians;
  const hourAngle = sidereal - ascension;
  const sine =
    Math.sin(latitude * radians) * Math.sin(declination) +
    Math.cos(latitude * radians) * Math.cos(declination) * Math.cos(hourAngle);
  return Math.asin(sine) / radians;
}
