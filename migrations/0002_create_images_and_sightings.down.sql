DROP TABLE sightings;
DROP TABLE roots;
DROP TABLE images;
